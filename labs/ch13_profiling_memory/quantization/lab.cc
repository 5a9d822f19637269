// The lab: a linear layer in f32 or in 8-bit integers. See README.md.
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "kernels/gemm_int8/quantize.h"
#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {
namespace {

using bench::Io;
using bench::Params;

// The forms of W belong together: their elements must not be mixed between two seeds.
bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "x", .shape = {p["T"], p["C"]}},
                     {.name = "w", .shape = {p["C"], p["N"]}, .structured = true},
                     {.name = "w_q", .dtype = DType::kI8, .shape = {p["C"], p["N"]}},
                     {.name = "w_scale", .shape = {p["N"]}, .structured = true}},
          .outputs = {{.name = "y", .shape = {p["T"], p["N"]}}}};
}

/// Weights of deviation 1 / sqrt(C), as layers are initialised, and their conversion: one scale a
/// column, rounding to nearest. Loops along rows: there are millions.
void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const auto rows = static_cast<std::size_t>(p["C"]), n = static_cast<std::size_t>(p["N"]);
  const auto w = io.fill<float>(kW);
  const auto q = io.fill<std::int8_t>(kQuantizedW);
  const auto scale = io.fill<float>(kScales);
  fill_normal(io.fill<float>(kX), derive_seed(seed, 1));
  const float bound = std::sqrt(3.0f / static_cast<float>(rows));
  fill_uniform(w, derive_seed(seed, 2), -bound, bound);
  std::vector<float> largest(n, 0x1p-60f);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t j = 0; j < n; ++j) largest[j] = std::max(largest[j], std::fabs(w[r * n + j]));
  }
  for (std::size_t j = 0; j < n; ++j) scale[j] = largest[j] / 127.0f;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t j = 0; j < n; ++j) {
      const float steps = w[r * n + j] / scale[j];
      q[r * n + j] = static_cast<std::int8_t>(steps + std::copysign(0.5f, steps));
    }
  }
}

/// What the layer needs at the declared precision: 8-bit products, and the smaller form of W.
bench::Work work(const Params& p) {
  const auto t = static_cast<double>(p["T"]), c = static_cast<double>(p["C"]);
  const auto n = static_cast<double>(p["N"]);
  return {.flops = 2.0 * t * c * n,
          .flops_dtype = DType::kI8,
          .bytes_read = 4.0 * t * c + c * n + 4.0 * n,
          .bytes_written = 4.0 * t * n,
          .items = t,
          .item_name = "tokens"};
}

/// The layer in double from the f32 inputs. scale is the standard deviation that rounding to 8 bits
/// causes: errors uniform within half a step, independent, variance step^2 / 12 each, so that
///   var y = sum_c (step_x^2 w_c^2 + step_w^2 x_c^2 + step_x^2 step_w^2 / 12) / 12.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const auto t = static_cast<std::size_t>(p["T"]), n = static_cast<std::size_t>(p["N"]);
  const auto depth = static_cast<std::size_t>(p["C"]);
  const auto x = io.in<float>(kX), w = io.in<float>(kW), step_w = io.in<float>(kScales);
  auto& out = expected.outputs[kY];
  out.scale.assign(t * n, 0.0);
  std::vector<double> w_squares(n);
  for (std::size_t c = 0; c < depth; ++c) {
    for (std::size_t j = 0; j < n; ++j) {
      const double w_value = w[c * n + j];
      w_squares[j] += w_value * w_value;
    }
  }
  for (std::size_t i = 0; i < t; ++i) {
    double* __restrict value = out.value.data() + i * n;  // [n]
    double largest = 0.0, x_squares = 0.0;
    for (std::size_t c = 0; c < depth; ++c) {
      const double x_value = x[i * depth + c];
      largest = std::max(largest, std::fabs(x_value));
      x_squares += x_value * x_value;
      const float* w_row = w.data() + c * n;  // [n]
      for (std::size_t j = 0; j < n; ++j) value[j] += x_value * w_row[j];
    }
    const double x_step = largest / 127.0, x_variance = x_step * x_step / 12.0;
    for (std::size_t j = 0; j < n; ++j) {
      const double w_variance = static_cast<double>(step_w[j]) * step_w[j] / 12.0;
      out.scale[i * n + j] = std::sqrt(x_variance * w_squares[j] + w_variance * x_squares +
                                       static_cast<double>(depth) * x_variance * w_variance);
    }
  }
}

/// Six deviations: a sum of many bounded independent errors is beyond them with probability 2e-9.
/// rms: 8 bits show 1/6 of the bound, whatever the size; 7 bits for the activations alone would
/// show 1.58 / 6. The second term is for sums of few terms, whose rms varies.
Tolerance tolerance(const Params& p) {
  return {.relative = 6.0,
          .absolute = 0x1p-40,
          .rms = (1.1 + 2.0 / std::sqrt(static_cast<double>(p["C"]))) / 6.0};
}

Params sizes(std::int64_t t, std::int64_t c, std::int64_t n) {
  return {{"T", t}, {"C", c}, {"N", n}};
}

}  // namespace

Activations::Activations(const bench::Params& params)
    : q(static_cast<std::size_t>(params["T"] * params["C"])),
      scales(static_cast<std::size_t>(params["T"])) {}

void Activations::quantize(const bench::Params& params, const float* x, machine::ThreadPool* pool) {
  const std::int64_t width = params["C"];
  const auto rows = [&](std::int64_t begin, std::int64_t end) {
    kernels::gemm_int8::quantize_rows(end - begin, width, x + begin * width,
                                      q.data() + begin * width, scales.data() + begin);
  };
  // 16,384 numbers take some 4 us, twice a fork and join.
  if (pool == nullptr || params["T"] * width < 2 * 16384) return rows(0, params["T"]);
  pool->parallel_for(params["T"], 1, rows);
}

void scale_sums(const bench::Params& params, const std::int32_t* sums, const float* rows,
                const float* columns, float* y) {
  const std::int64_t n = params["N"];
  for (std::int64_t t = 0; t < params["T"]; ++t) {
    const std::int32_t* from = sums + t * n;
    float* __restrict to = y + t * n;
    for (std::int64_t j = 0; j < n; ++j) {
      to[j] = static_cast<float>(from[j]) * rows[t] * columns[j];
    }
  }
}

bench::Lab describe() {
  return {
      .question =
          "What does a layer gain from 8-bit integers when its activations are quantised "
          "inside the call?",
      .targets = {"ch13:quantization"},
      .tags = {"gemm", "int8", "simd", "compute"},
      .cases = {{.name = "bert_base_mlp",
                 .origin = "BERT-base MLP, first layer: 768 to 3072, 128 tokens",
                 .smoke = sizes(16, 192, 96),
                 .full = sizes(128, 768, 3072)},
                {.name = "qwen25_05b_mlp_batch",
                 .origin = "Qwen2.5-0.5B MLP, gate: 896 to 4864, a decode step of 16 requests",
                 .smoke = sizes(4, 256, 128),
                 .full = sizes(16, 896, 4864)},
                {.name = "tinyllama_mlp_decode",
                 .origin = "TinyLlama-1.1B MLP, gate: 2048 to 5632, one token",
                 .smoke = sizes(1, 256, 160),
                 .full = sizes(1, 2048, 5632)}},
      // One element; odd sizes around tiles (14 x 32, 6 x 16) and words of 4.
      .ragged = {sizes(1, 1, 1), sizes(15, 65, 33), sizes(3, 259, 515), sizes(197, 130, 61),
                 sizes(2, 3, 1030)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {f32_gemm(), f32_gemm_threads(), int8_three_passes(), int8_scaled_tiles(),
                     int8_scaled_tiles_threads(), int8_weights_too(), onednn_f32(),
                     onednn_f32_threads(), onednn_int8(), onednn_int8_threads()},
      .baseline = "f32_gemm",
  };
}

}  // namespace aisp::labs::ch13::quantization
