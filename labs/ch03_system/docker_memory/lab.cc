// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <cmath>

#include "base/rng.h"
#include "labs/ch03_system/docker_memory/problem.h"

namespace aisp::labs::ch03::docker_memory {
namespace {

bench::Problem problem(const bench::Params& p) {
  const Sizes s(p);
  return {
      .inputs = {{.name = "embeddings", .shape = {s.rows, s.width}, .place = bench::Place::kFile},
                 {.name = "questions", .shape = {s.questions, s.width}}},
      .outputs = {{.name = "scores", .shape = {s.questions, s.rows}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1));
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2));
}

bench::Work work(const bench::Params& p) {
  const Sizes s(p);
  const auto numbers = static_cast<double>(s.rows * s.width);
  const auto questions = static_cast<double>(s.questions);
  return {.flops = 2.0 * numbers * questions,
          .bytes_read = 4.0 * numbers,
          .bytes_written = 0.0,
          .items = questions,
          .item_name = "questions",
          .medium = bench::Work::Medium::kDisk};
}

void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const Sizes s(p);
  const auto embeddings = io.in<float>(0), questions = io.in<float>(1);
  auto& out = expected.outputs[0];
  out.scale.resize(out.value.size());
  const auto rows = static_cast<std::size_t>(s.rows), width = static_cast<std::size_t>(s.width);
  for (std::size_t i = 0; i < out.value.size(); ++i) {
    double sum = 0.0, scale = 0.0;
    for (std::size_t k = 0; k < width; ++k) {
      const double product = static_cast<double>(embeddings[i % rows * width + k]) *
                             static_cast<double>(questions[i / rows * width + k]);
      sum += product;
      scale += std::fabs(product);
    }
    out.value[i] = sum;
    out.scale[i] = scale;
  }
}

/// The bound of a dot product. rms: random signs leave some 0.1 / sqrt(width) of the bound; bf16
/// questions would show 3000 / width of it.
Tolerance tolerance(const bench::Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["width"]), unit_roundoff(DType::kF32)),
          .rms = 0.1};
}

// Pages that are in memory already belong to whoever brought them there and count against nobody's
// limit again, so every call begins without any.
void before_each(const bench::Params&, const bench::Io& io) { machine::make_cold(io.in_path(0)); }

bench::Params sizes(std::int64_t rows, std::int64_t width, std::int64_t questions,
                    std::int64_t percent) {
  return {{"rows", rows}, {"width", width}, {"questions", questions}, {"percent", percent}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does a container's memory limit cost a job that leans on the page cache, and what "
          "does the right order of its loops win back?",
      .targets = {"ch03:docker_memory"},
      .tags = {"memory", "io", "cgroup", "container"},
      .cases = {{.name = "bert_base_search_half",
                 .origin = "12,288 embeddings of BERT-base's width, 768 (38 MB), 8 questions; the "
                           "container may use half of that",
                 .smoke = sizes(64, 96, 3, 50),
                 .full = sizes(12288, 768, 8, 50)},
                {.name = "bert_base_search_twice",
                 .origin = "the same with a limit of twice the file: nothing has to go",
                 .smoke = sizes(70, 65, 3, 200),
                 .full = sizes(12288, 768, 8, 200)}},
      // One number; one row below and above a block; rows that end inside a page.
      .ragged = {sizes(1, 1, 1, 50), sizes(511, 17, 2, 50), sizes(513, 33, 3, 50)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .before_each = before_each,
      .techniques = {mapped_by_question(), mapped_by_block(), read_by_block(), unlimited()},
      .baseline = "mapped_by_question",
  };
}

}  // namespace aisp::labs::ch03::docker_memory
