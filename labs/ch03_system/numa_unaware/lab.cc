// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <cmath>

#include "base/rng.h"
#include "labs/ch03_system/numa_unaware/problem.h"

namespace aisp::labs::ch03::numa_unaware {
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

bench::Work work(const bench::Params& p) {
  const auto rows = static_cast<double>(p["rows"]), width = static_cast<double>(p["width"]);
  const auto tokens = static_cast<double>(p["tokens"]);
  return {.flops = 2.0 * rows * width * tokens,
          .bytes_read = 4.0 * (rows * width + tokens * width),
          .bytes_written = 4.0 * tokens * rows,
          .items = tokens,
          .item_name = "tokens"};
}

void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const auto weights = io.in<float>(0), x = io.in<float>(1);
  auto& out = expected.outputs[0];
  out.scale.resize(out.value.size());
  const auto rows = static_cast<std::size_t>(p["rows"]);
  const auto width = static_cast<std::size_t>(p["width"]);
  for (std::size_t i = 0; i < out.value.size(); ++i) {
    const float* row = &weights[i % rows * width];
    const float* token = &x[i / rows * width];
    double sum = 0.0, scale = 0.0;
    for (std::size_t k = 0; k < width; ++k) {
      const double product = static_cast<double>(row[k]) * static_cast<double>(token[k]);
      sum += product;
      scale += std::fabs(product);
    }
    out.value[i] = sum;
    out.scale[i] = scale;
  }
}

/// The bound of a dot product. rms: random signs leave 0.1 / sqrt(width) of the bound; bf16 weights
/// would show about 2^15 u / (6 width) of the scale, 0.6 of the bound at a width of 4096.
Tolerance tolerance(const bench::Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["width"]), unit_roundoff(DType::kF32)),
          .rms = 0.1};
}

bench::Params sizes(std::int64_t rows, std::int64_t width, std::int64_t tokens) {
  return {{"rows", rows}, {"width", width}, {"tokens", tokens}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question = "What does it cost when threads read weights from another node's memory?",
      .targets = {"ch03:numa_unaware"},
      .tags = {"memory", "numa", "threads"},
      .cases = {{.name = "llama3_8b_up_proj",
                 .origin =
                     "Llama 3 8B, up_proj in f32, 14336 x 4096: loaded, then 4 tokens decoded; "
                     "235 MB, beyond the caches of most servers",
                 .smoke = sizes(72, 96, 2),
                 .full = sizes(14336, 4096, 4)}},
      // Fewer rows than threads, rows of less than a vector, rows across pages.
      .ragged = {sizes(1, 1, 1), sizes(3, 17, 2), sizes(61, 1031, 3)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {main_touch(), main_touch_pinned(), remote_touch(), local_touch(),
                     interleaved()},
      .baseline = "main_touch",
  };
}

}  // namespace aisp::labs::ch03::numa_unaware
