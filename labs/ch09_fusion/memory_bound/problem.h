// LayerNorm of every row, f32: y = (x - mean) / sqrt(variance + epsilon) * weight + bias. Inputs
// x[rows][n], weight[n], bias[n]; output y[rows][n]. Little arithmetic for each byte, so what
// counts is how often the bytes move. The fused techniques are adapters to kernels/norm.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "bench/lab.h"
#include "kernels/norm/norm.h"

namespace aisp::labs::ch09::memory_bound {

inline constexpr float kEpsilon = 1e-5f;

/// The arguments of one call.
kernels::norm::Rows rows_of(const bench::Params& params, const bench::Io& io);

/// The operations of a framework, each one vectorised pass over [rows][n] (or [rows]). `out` may
/// be an input of the same shape.
struct Passes {
  void (*mean)(const float* x, float* out, std::int64_t rows, std::int64_t n);  // of each row
  void (*mean_square)(const float* x, float* out, std::int64_t rows, std::int64_t n);  // likewise
  void (*subtract_rows)(const float* x, const float* row, float* out, std::int64_t rows,
                        std::int64_t n);
  void (*square)(const float* x, float* out, std::int64_t count);
  void (*multiply_rows)(const float* x, const float* row, float* out, std::int64_t rows,
                        std::int64_t n);
  void (*multiply_columns)(const float* x, const float* column, float* out, std::int64_t rows,
                           std::int64_t n);
  void (*add_columns)(const float* x, const float* column, float* out, std::int64_t rows,
                      std::int64_t n);
};
/// Of the widest instruction set.
Passes choose_passes(const machine::Cpu& cpu);
/// out[r] = 1 / sqrt(variance[r] + kEpsilon); `out` may be `variance`.
void inverse_root(const float* variance, float* out, std::int64_t rows);

/// The kernel's variant called `variant`, on one thread, as a technique.
bench::Technique kernel_variant(const char* name, const char* summary, std::string_view variant);

/// oneDNN's layer normalization; threads as in Technique.
bench::Technique peer(const char* name, const char* summary, int threads);

bench::Technique fresh_temporaries();
bench::Technique reused_temporaries();
bench::Technique in_place_passes();
bench::Technique row_by_row();
bench::Technique fused_portable();
bench::Technique fused_avx2();
bench::Technique fused_avx512();
bench::Technique fused_threads();
bench::Technique onednn();
bench::Technique onednn_threads();

std::unique_ptr<bench::Plan> plan_eager_kernels(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_block_per_row(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_row_in_registers(const bench::Params& params);

}  // namespace aisp::labs::ch09::memory_bound
