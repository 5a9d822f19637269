// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <cmath>

#include "base/rng.h"
#include "labs/ch03_system/docker/problem.h"

namespace aisp::labs::ch03::docker {
namespace {

bench::Problem problem(const bench::Params& p) {
  return {.inputs = {{.name = "weights", .shape = {p["rows"], p["width"]}},
                     {.name = "x", .shape = {p["tokens"], p["width"]}}},
          .outputs = {{.name = "y", .shape = {p["tokens"], p["rows"]}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2));
}

// No ceiling applies: the limit decides, not the machine.
bench::Work work(const bench::Params& p) {
  const auto rows = static_cast<double>(p["rows"]), width = static_cast<double>(p["width"]);
  const auto tokens = static_cast<double>(p["tokens"]);
  return {.flops = 2.0 * rows * width * tokens,
          .bytes_read = 4.0 * (rows * width + tokens * width),
          .bytes_written = 4.0 * tokens * rows,
          .items = tokens,
          .item_name = "tokens",
          .medium = bench::Work::Medium::kNone};
}

void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const auto weights = io.in<float>(0), x = io.in<float>(1);
  auto& out = expected.outputs[0];
  out.scale.resize(out.value.size());
  const auto rows = static_cast<std::size_t>(p["rows"]);
  const auto width = static_cast<std::size_t>(p["width"]);
  for (std::size_t i = 0; i < out.value.size(); ++i) {
    double sum = 0.0, scale = 0.0;
    for (std::size_t k = 0; k < width; ++k) {
      const double product = static_cast<double>(weights[i % rows * width + k]) *
                             static_cast<double>(x[i / rows * width + k]);
      sum += product;
      scale += std::fabs(product);
    }
    out.value[i] = sum;
    out.scale[i] = scale;
  }
}

/// The bound of a dot product. rms: random signs leave some 0.1 / sqrt(width) of the bound, in one
/// chain of additions three times that; bf16 weights would show 3000 / width of it.
Tolerance tolerance(const bench::Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["width"]), unit_roundoff(DType::kF32)),
          .rms = 0.1};
}

bench::Params sizes(std::int64_t tokens, std::int64_t rows, std::int64_t width,
                    std::int64_t percent) {
  return {{"tokens", tokens}, {"rows", rows}, {"width", width}, {"percent", percent}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What do threads cost that a container's CPU limit does not cover, and is there a better "
          "cut of the same share than a quota?",
      .targets = {"ch03:docker"},
      .tags = {"threads", "cgroup", "container"},
      .cases = {{.name = "minilm_classifier_half",
                 .origin = "a layer of MiniLM's width, 384, for 1,000 tokens in turn, on half of "
                           "the cores (docker run --cpus)",
                 .smoke = sizes(20, 32, 96, 50),
                 .full = sizes(1000, 384, 384, 50)},
                {.name = "minilm_classifier_three_quarters",
                 .origin = "the same on three quarters of the cores: not a whole number of them on "
                           "machines with two",
                 .smoke = sizes(20, 33, 65, 75),
                 .full = sizes(1000, 384, 384, 75)}},
      // One element; fewer rows than threads.
      .ragged = {sizes(1, 1, 1, 50), sizes(3, 2, 17, 75), sizes(2, 61, 129, 10)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {threads_by_cores(), threads_by_quota(), threads_times_four(), short_period(),
                     whole_cores_pinned(), unlimited()},
      .baseline = "threads_by_cores",
  };
}

}  // namespace aisp::labs::ch03::docker
