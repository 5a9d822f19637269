// The lab: LayerNorm as an expression, in place, row by row, and fused. See README.md.
#include <cmath>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .dtype = DType::kF32, .shape = {p["rows"], p["n"]}},
                     {.name = "weight", .dtype = DType::kF32, .shape = {p["n"]}},
                     {.name = "bias", .dtype = DType::kF32, .shape = {p["n"]}}},
          .outputs = {{.name = "y", .dtype = DType::kF32, .shape = {p["rows"], p["n"]}}}};
}

/// Activations have a mean here and there: x gets one of half its deviation.
void prepare(const Params&, std::uint64_t seed, const Io& io) {
  fill_normal(io.fill<float>(0), derive_seed(seed, 1), 2.0f);
  for (float& x : io.fill<float>(0)) x += 1.0f;
  fill_uniform(io.fill<float>(1), derive_seed(seed, 2), 0.5f, 1.5f);
  fill_uniform(io.fill<float>(2), derive_seed(seed, 3), -0.5f, 0.5f);
}

/// Mean, variance (subtract, square, add) and result (subtract, three products and sums).
bench::Work work(const Params& p) {
  const auto count = static_cast<double>(p["rows"] * p["n"]), n = static_cast<double>(p["n"]);
  return {.flops = 8.0 * count,
          .bytes_read = 4.0 * (count + 2.0 * n),
          .bytes_written = 4.0 * count,
          .items = static_cast<double>(p["rows"]),
          .item_name = "tokens"};
}

/// The kernels' bound holds for a mean that is corrected. Most write the mean of a plain sum in
/// f32, off by delta = 6 sqrt(n + 2) mean|x| + |mean| units: every result is off by delta
/// deviations' worth, and the variance by delta^2. With two nearly equal columns, a deviation of a
/// thousandth of the mean, that is all there is of the error.
void add_plain_mean(const Params& p, const Io& io, std::span<double> scale) {
  const auto x = io.in<float>(0), weight = io.in<float>(1);
  const auto n = static_cast<std::size_t>(p["n"]);
  const double count = static_cast<double>(n), u = unit_roundoff(DType::kF32);
  for (std::size_t row = 0; row < scale.size(); row += n) {
    double mean = 0.0, magnitude = 0.0, square = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      mean += x[row + i] / count;
      magnitude += std::fabs(x[row + i]) / count;
    }
    for (std::size_t i = 0; i < n; ++i) square += (x[row + i] - mean) * (x[row + i] - mean) / count;
    const double factor = 1.0 / std::sqrt(square + static_cast<double>(kEpsilon));
    const double delta = factor * (dot_bound(count, magnitude) + std::fabs(mean));
    for (std::size_t i = 0; i < n; ++i) {
      const double result = std::fabs((x[row + i] - mean) * factor);
      scale[row + i] += std::fabs(weight[i]) * (delta + 0.5 * result * delta * delta * u);
    }
  }
}

void reference(const Params& p, const Io& io, bench::Expected& expected) {
  auto& out = expected.outputs[0];
  out.scale.assign(out.value.size(), 0.0);
  kernels::norm::reference(kernels::norm::Kind::kLayer, rows_of(p, io), out.value, out.scale);
  add_plain_mean(p, io, out.scale);
}

/// The bound is in `scale` (kernels/norm/reference.cc, and add_plain_mean above), for vector sums.
/// Sums in one scalar chain keep to it with high probability too: it holds for any order. rms:
/// honest techniques show at most 0.02 at 768 and 4096 columns and 0.06 at a few; bf16 results
/// would show 2^15 / (18 sqrt(n)) = 28 and more, tf32 3.
Tolerance tolerance(const Params& p) {
  return {.relative = unit_roundoff(DType::kF32),
          .rms = 0.1 + 0.2 / std::sqrt(static_cast<double>(p["rows"] * p["n"]))};
}

Params sizes(std::int64_t rows, std::int64_t n) { return {{"rows", rows}, {"n", n}}; }

}  // namespace

kernels::norm::Rows rows_of(const Params& params, const Io& io) {
  return {.x = io.in<float>(0).data(),
          .y = io.out<float>(0).data(),
          .rows = params["rows"],
          .n = params["n"],
          .weight = io.in<float>(1).data(),
          .bias = io.in<float>(2).data(),
          .epsilon = kEpsilon};
}

bench::Technique kernel_variant(const char* name, const char* summary, std::string_view variant) {
  const kernels::norm::Variant* found = nullptr;
  for (const auto& one : kernels::norm::variants()) {
    if (one.name == variant) found = &one;
  }
  check(found != nullptr, "no such variant of norm");
  return {.name = name,
          .summary = summary,
          .needs = [found](const machine::Cpu& cpu) { return found->why_not(cpu); },
          .plan =
              [found](const Params& params) {
                const auto config =
                    kernels::norm::choose_config(params["rows"], params["n"], machine::cpu());
                return bench::plan_of([found, config, params](const Io& io) {
                  found->run(kernels::norm::Kind::kLayer, rows_of(params, io), config);
                });
              }};
}

bench::Lab describe() {
  return {
      .question = "What does a normalization cost as an expression, and what as one pass?",
      .targets = {"ch09:memory_bound", "ch09:triton"},
      .tags = {"fusion", "memory", "simd", "threads"},
      .cases = {{.name = "gpt2_small",
                 .origin = "GPT-2 small: LayerNorm of 1024 tokens of 768 (6 MB, L3)",
                 .smoke = sizes(5, 768),
                 .full = sizes(1024, 768)},
                {.name = "opt_6_7b",
                 .origin =
                     "OPT-6.7B: LayerNorm of 4096 tokens of 4096, Llama-3-8B's width too (DRAM)",
                 .smoke = sizes(3, 4096),
                 .full = sizes(4096, 4096)},
                {.name = "gpu_opt_6_7b",
                 .origin = "OPT-6.7B: LayerNorm of 8192 tokens of 4096 (268 MB)",
                 .smoke = sizes(3, 4096),
                 .full = sizes(8192, 4096),
                 .device = bench::Device::kCuda},
                {.name = "gpu_gpt2_small_decode",
                 .origin = "GPT-2 small: LayerNorm of 64 tokens of 768: launches are all",
                 .smoke = sizes(5, 768),
                 .full = sizes(64, 768),
                 .device = bench::Device::kCuda}},
      .ragged = {sizes(1, 1), sizes(3, 2), sizes(5, 31), sizes(4, 33), sizes(2, 1027)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {fresh_temporaries(), reused_temporaries(), in_place_passes(), row_by_row(),
                     fused_portable(), fused_avx2(), fused_avx512(), fused_threads(), onednn(),
                     onednn_threads(),
                     bench::on_gpu("eager_kernels", "an operation a kernel, as eager PyTorch",
                                   AISP_DEVICE(plan_eager_kernels)),
                     bench::on_gpu("block_per_row", "one kernel, a block a row, three loops",
                                   AISP_DEVICE(plan_block_per_row)),
                     bench::on_gpu("row_in_registers", "one kernel, the row read once",
                                   AISP_DEVICE(plan_row_in_registers))},
      .baseline = "fresh_temporaries",
      .device_baseline = "eager_kernels",
  };
}

}  // namespace aisp::labs::ch09::memory_bound
