// One token's product with weights of 4 and of 2 bytes. See README.md.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch06_cuda_fundamentals/quantization_ilp/problem.h"

namespace aisp::labs::ch06::quantization_ilp {
namespace {

bench::Problem problem(const bench::Params& p) {
  const Shape s = shape_of(p);
  // Structured: the two hold the same values.
  return {.inputs = {{.name = "w", .shape = {s.rows, s.cols}, .structured = true},
                     {.name = "w_bf16",
                      .dtype = DType::kBF16,
                      .shape = {s.rows, s.cols},
                      .structured = true},
                     {.name = "x", .shape = {s.cols}}},
          .outputs = {{.name = "y", .shape = {s.rows}}}};
}

void prepare(const bench::Params&, std::uint64_t seed, const bench::Io& io) {
  const auto w = io.fill<float>(kF32);
  const auto narrow = io.fill<bf16>(kBf16);
  fill_uniform(w, derive_seed(seed, 1));
  for (std::size_t i = 0; i < w.size(); ++i) {
    narrow[i] = bf16(w[i]);
    w[i] = static_cast<float>(narrow[i]);
  }
  fill_uniform(io.fill<float>(kX), derive_seed(seed, 2));
}

void reference(const bench::Params& p, const bench::Io& io, bench::Expected& expected) {
  const auto w = io.in<float>(kF32), x = io.in<float>(kX);
  const auto cols = static_cast<std::size_t>(p["cols"]);
  auto& [value, scale] = expected.outputs[0];
  scale.assign(value.size(), 0.0);
  for (std::size_t row = 0; row < value.size(); ++row) {
    for (std::size_t q = 0; q < cols; ++q) {
      const double product = static_cast<double>(w[row * cols + q]) * static_cast<double>(x[q]);
      value[row] += product;
      scale[row] += std::fabs(product);
    }
  }
}

/// A dot product of `cols` terms, any order. rms: roundings of a sum in 32 parts stay below 0.02 of
/// that bound; x rounded to bf16 would show 2^15 / sqrt(cols) times u, 0.2 of it and more.
Tolerance tolerance(const bench::Params& p) {
  return {.relative = dot_bound(static_cast<double>(p["cols"]), unit_roundoff(DType::kF32)),
          .rms = 0.1};
}

bench::Technique with_work(bench::Technique technique, double weight_bytes) {
  technique.work = [weight_bytes](const bench::Params& p) { return work_with(p, weight_bytes); };
  return technique;
}

bench::Params sizes(std::int64_t rows, std::int64_t cols) {
  return {{"rows", rows}, {"cols", cols}};
}

}  // namespace

bench::Work work_with(const bench::Params& p, double weight_bytes) {
  const auto rows = static_cast<double>(p["rows"]), cols = static_cast<double>(p["cols"]);
  return {.flops = 2.0 * rows * cols,
          .bytes_read = weight_bytes * rows * cols + 4.0 * cols,
          .bytes_written = 4.0 * rows,
          .items = 1.0,
          .item_name = "tokens"};
}

bench::Lab describe() {
  using bench::Device;
  return {
      .question = "What does halving the bytes of the weights bring to one token's product?",
      .targets = {"ch06:quantization_ilp"},
      .tags = {"memory", "gpu", "decode"},
      .cases = {{.name = "llama3_8b_down_proj",
                 .origin = "Llama 3 8B, down_proj [4096, 14336] for one token: 224 MiB in f32",
                 .smoke = sizes(70, 1000),
                 .full = sizes(4096, 14336),
                 .device = Device::kCuda},
                {.name = "llama3_8b_output",
                 .origin = "Llama 3 8B, attention output projection [4096, 4096]: 64 MiB in f32, "
                           "about the second-level cache",
                 .smoke = sizes(33, 512),
                 .full = sizes(4096, 4096),
                 .device = Device::kCuda}},
      .ragged = {sizes(1, 8), sizes(3, 256), sizes(9, 1032), sizes(17, 8000)},
      .problem = problem,
      .prepare = prepare,
      .work = [](const bench::Params& p) { return work_with(p, sizeof(float)); },
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {bench::on_gpu("weights_f32", "f32, the plain loop",
                                   AISP_DEVICE(plan_weights_f32)),
                     bench::on_gpu("weights_f32_in_flight",
                                   "f32, four loads before their first use",
                                   AISP_DEVICE(plan_weights_f32_in_flight)),
                     with_work(bench::on_gpu("weights_bf16", "bf16, the plain loop",
                                             AISP_DEVICE(plan_weights_bf16)),
                               sizeof(bf16)),
                     with_work(bench::on_gpu("weights_bf16_in_flight",
                                             "bf16, four loads before their first use",
                                             AISP_DEVICE(plan_weights_bf16_in_flight)),
                               sizeof(bf16))},
      .device_baseline = "weights_f32"};
}

}  // namespace aisp::labs::ch06::quantization_ilp
