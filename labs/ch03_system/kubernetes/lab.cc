// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <cmath>
#include <numeric>
#include <vector>

#include "base/rng.h"
#include "labs/ch03_system/kubernetes/problem.h"

namespace aisp::labs::ch03::kubernetes {
namespace {

bench::Problem problem(const bench::Params& p) {
  const Sizes s(p);
  return {.inputs = {{.name = "images", .dtype = DType::kU8, .shape = {s.samples, kPixels}},
                     {.name = "order",
                      .dtype = DType::kI32,
                      .shape = {s.steps, s.batch},
                      .structured = true},
                     {.name = "weights", .shape = {kPixels, s.hidden}}},
          .outputs = {{.name = "out", .shape = {s.steps, s.batch, s.hidden}}}};
}

void prepare(const bench::Params& p, std::uint64_t seed, const bench::Io& io) {
  Rng rng(derive_seed(seed, 1));
  for (auto& pixel : io.fill<std::uint8_t>(0)) pixel = static_cast<std::uint8_t>(rng.next() >> 56);
  std::vector<std::int32_t> all(static_cast<std::size_t>(p["samples"]));
  std::iota(all.begin(), all.end(), 0);
  const auto order = io.fill<std::int32_t>(1);
  for (std::size_t i = 0; i < order.size(); ++i) {  // Fisher-Yates, an epoch after the other
    const std::size_t at = i % all.size();
    std::swap(all[at], all[at + rng.below(all.size() - at)]);
    order[i] = all[at];
  }
  fill_uniform(io.fill<float>(2), derive_seed(seed, 2));
}

bench::Work work(const bench::Params& p) {
  const Sizes s(p);
  const auto rows = static_cast<double>(s.steps * s.batch), hidden = static_cast<double>(s.hidden);
  const auto pixels = static_cast<double>(kPixels);
  return {.flops = 2.0 * rows * pixels * hidden,
          .bytes_read = rows * pixels + 4.0 * (rows + pixels * hidden),
          .bytes_written = 4.0 * rows * hidden,
          .items = rows,
          .item_name = "images"};
}

void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const Sizes s(p);
  const auto images = io.in<std::uint8_t>(0);
  const auto order = io.in<std::int32_t>(1);
  const auto weights = io.in<float>(2);
  auto& out = expected.outputs[0];
  out.scale.resize(out.value.size());
  const auto hidden = static_cast<std::size_t>(s.hidden);
  for (std::size_t row = 0; row < order.size(); ++row) {
    const std::uint8_t* image = &images[static_cast<std::size_t>(order[row] * kPixels)];
    double* __restrict value = &out.value[row * hidden];
    double* __restrict scale = &out.scale[row * hidden];
    for (std::size_t i = 0; i < kPixels; ++i) {
      const double pixel = (image[i] - 127.5) / 64.0;
      for (std::size_t h = 0; h < hidden; ++h) {
        const double product = pixel * static_cast<double>(weights[i * hidden + h]);
        value[h] += product;
        scale[h] += std::fabs(product);
      }
    }
  }
}

/// The bound of a dot product of length 3072; scaling is exact. rms: weights have random signs,
/// which leaves 0.1 / sqrt(3072) of the bound; bf16 weights would show 1.0 of it.
Tolerance tolerance(const bench::Params&) {
  return {.relative = dot_bound(static_cast<double>(kPixels), unit_roundoff(DType::kF32)),
          .rms = 0.1};
}

bench::Params sizes(std::int64_t samples, std::int64_t steps, std::int64_t batch,
                    std::int64_t hidden) {
  return {{"samples", samples}, {"steps", steps}, {"batch", batch}, {"hidden", hidden}};
}

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What do batches cost that are allocated and filled in the step, against a ring that a "
          "producer fills ahead?",
      .targets = {"ch03:kubernetes"},
      .tags = {"data", "threads", "pages"},
      .cases = {{.name = "cifar_batch_512",
                 .origin = "CIFAR images in batches of 512, 6.3 MB each in f32: freed memory stays "
                           "in the heap",
                 .smoke = sizes(40, 3, 16, 8),
                 .full = sizes(10000, 8, 512, 32)},
                {.name = "cifar_batch_4096",
                 .origin = "large-batch training on CIFAR, batches of 4096, 50 MB each in f32: "
                           "beyond what malloc keeps",
                 .smoke = sizes(30, 2, 25, 8),
                 .full = sizes(10000, 3, 4096, 32)}},
      // One image; more steps than slots; a sample several times.
      .ragged = {sizes(1, 1, 1, 1), sizes(3, 9, 2, 5), sizes(17, 5, 13, 33)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {allocate_per_step(), reused_buffer(), ring_two(), ring_four(),
                     all_cores_inline()},
      .baseline = "allocate_per_step",
  };
}

}  // namespace aisp::labs::ch03::kubernetes
