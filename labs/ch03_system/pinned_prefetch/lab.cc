// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <cmath>
#include <numeric>
#include <vector>

#include "base/rng.h"
#include "labs/ch03_system/pinned_prefetch/problem.h"

namespace aisp::labs::ch03::pinned_prefetch {
namespace {

bench::Problem problem(const bench::Params& p) {
  const Sizes s(p);
  return {
      .inputs = {{.name = "embeddings",
                  .shape = {s.blocks, s.batch, s.width},
                  .place = bench::Place::kFile},
                 {.name = "order", .dtype = DType::kI32, .shape = {s.blocks}, .structured = true},
                 {.name = "first", .shape = {s.width, s.hidden}},
                 {.name = "second", .shape = {s.hidden, s.classes}}},
      .outputs = {{.name = "out", .shape = {s.blocks, s.batch, s.classes}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  fill_uniform(io.fill<float>(0), derive_seed(seed, 1));
  const auto order = io.fill<std::int32_t>(1);
  std::iota(order.begin(), order.end(), 0);
  Rng rng(derive_seed(seed, 2));  // Fisher-Yates
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  fill_uniform(io.fill<float>(2), derive_seed(seed, 3));
  fill_uniform(io.fill<float>(3), derive_seed(seed, 4));
}

bench::Work work(const bench::Params& p) {
  const Sizes s(p);
  const auto rows = static_cast<double>(s.blocks * s.batch), width = static_cast<double>(s.width);
  const auto hidden = static_cast<double>(s.hidden), classes = static_cast<double>(s.classes);
  const bool cold = p["cold"] != 0;
  // Cold, the disk is the medium, and the file's bytes are all that leaves it.
  return {.flops = 2.0 * rows * hidden * (width + classes),
          .bytes_read = 4.0 * (rows * width + (cold ? 0.0 : hidden * (width + classes))),
          .bytes_written = cold ? 0.0 : 4.0 * rows * classes,
          .items = static_cast<double>(s.blocks),
          .item_name = "steps",
          .medium = cold ? bench::Work::Medium::kDisk : bench::Work::Medium::kMemory};
}

void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const Sizes s(p);
  const auto embeddings = io.in<float>(0), first = io.in<float>(2), second = io.in<float>(3);
  const auto order = io.in<std::int32_t>(1);
  auto& out = expected.outputs[0];
  out.scale.resize(out.value.size());
  const auto width = static_cast<std::size_t>(s.width), hidden = static_cast<std::size_t>(s.hidden);
  const auto classes = static_cast<std::size_t>(s.classes);
  const auto batch = static_cast<std::size_t>(s.batch);
  std::vector<double> sum(hidden), scale(hidden);
  for (std::size_t row = 0; row < order.size() * batch; ++row) {
    const auto block = static_cast<std::size_t>(order[row / batch]);
    const float* x = &embeddings[(block * batch + row % batch) * width];
    std::fill(sum.begin(), sum.end(), 0.0);
    std::fill(scale.begin(), scale.end(), 0.0);
    for (std::size_t k = 0; k < width; ++k) {
      for (std::size_t h = 0; h < hidden; ++h) {
        const double product =
            static_cast<double>(x[k]) * static_cast<double>(first[k * hidden + h]);
        sum[h] += product;
        scale[h] += std::fabs(product);
      }
    }
    for (std::size_t h = 0; h < hidden; ++h) {
      for (std::size_t c = 0; c < classes; ++c) {
        const double weight = second[h * classes + c];
        out.value[row * classes + c] += std::max(sum[h], 0.0) * weight;
        out.scale[row * classes + c] += scale[h] * std::fabs(weight);
      }
    }
  }
}

/// An error of the first layer is at most dot_bound(width) of its scale, passes the ReLU no larger,
/// and is weighted and summed by the second layer, which adds dot_bound(hidden) of values below
/// that scale. rms: signs are random in both layers, so errors come to some 0.001 of the bound;
/// bf16 weights would show 0.2 of it at 768 and 128.
Tolerance tolerance(const bench::Params& p) {
  const double u = unit_roundoff(DType::kF32);
  return {.relative = dot_bound(static_cast<double>(p["width"]), u) +
                      dot_bound(static_cast<double>(p["hidden"]), u),
          .rms = 0.03};
}

void before_each(const bench::Params& p, const bench::Io& io) {
  p["cold"] != 0 ? machine::make_cold(io.in_path(0)) : machine::make_warm(io.in_path(0));
}

struct Shape {
  std::int64_t blocks, batch, width, hidden, classes;
};
bench::Params sizes(const Shape& s, bool cold) {
  return {{"blocks", s.blocks}, {"batch", s.batch},     {"width", s.width},
          {"hidden", s.hidden}, {"classes", s.classes}, {"cold", cold}};
}

}  // namespace

bench::Lab describe() {
  constexpr Shape kFull = {6, 2048, 768, 128, 16}, kSmoke = {5, 24, 96, 32, 8};
  return {
      .question =
          "How much of the time that a step waits for its file can a loader thread hide behind the "
          "step before?",
      .targets = {"ch03:pinned_prefetch"},
      .tags = {"data", "io", "threads"},
      .cases = {{.name = "bert_base_embeddings_cold",
                 .origin = "a head on stored BERT-base embeddings, batches of 2048 x 768 f32 (6.3 "
                           "MB), first epoch: the file is not in memory",
                 .smoke = sizes(kSmoke, true),
                 .full = sizes(kFull, true)},
                {.name = "bert_base_embeddings_warm",
                 .origin = "the same in a later epoch: the file is in the page cache",
                 .smoke = sizes(kSmoke, false),
                 .full = sizes(kFull, false)}},
      // One number; fewer blocks than slots; blocks that end inside a page.
      .ragged = {sizes({1, 1, 1, 1, 1}, false), sizes({2, 7, 33, 5, 3}, true),
                 sizes({9, 31, 129, 17, 10}, false)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .before_each = before_each,
      .techniques = {inline_load(), readahead_hint(), loader_two(), loader_four()},
      .baseline = "inline_load",
  };
}

}  // namespace aisp::labs::ch03::pinned_prefetch
