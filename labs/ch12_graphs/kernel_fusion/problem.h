// Three element-wise operations in a row, add, multiply and square root, as in the denominator of
// AdaBelief's update: y = sqrt((s + epsilon) * correction), s the second moment.
// Params: n. Input s[n], output y[n], f32. All techniques round alike and agree bit for bit.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/simd_target.h"
#include "bench/lab.h"

namespace aisp::labs::ch12::kernel_fusion {

inline constexpr float kEpsilon = 1e-8f;
inline constexpr float kCorrection = 1.0f / (1.0f - 0.904792147f);  // beta2 = 0.999, 100th step

/// The three operations on [0, n), 4-wide; `from` may be `to`. Each is one pass over its operands.
void add_pass(const float* from, float* to, std::int64_t n);
void multiply_pass(const float* from, float* to, std::int64_t n);
void sqrt_pass(const float* from, float* to, std::int64_t n);

/// All three on elements [first, n): remainders of the vector loops.
inline void fused_from(const float* s, float* y, std::int64_t first, std::int64_t n) {
  for (std::int64_t i = first; i < n; ++i) y[i] = std::sqrt((s[i] + kEpsilon) * kCorrection);
}

using Kernel = void (*)(const float* s, float* y, std::int64_t n);
std::unique_ptr<bench::Plan> plan_pass(const bench::Params& params, Kernel kernel);

bench::Technique three_passes();
bench::Technique in_place_passes();
bench::Technique strip_mined();
bench::Technique one_pass();
bench::Technique one_pass_avx2();
bench::Technique one_pass_avx512();

/// On the GPU; each kernel takes four elements a thread.
std::unique_ptr<bench::Plan> plan_three_kernels(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_in_place_kernels(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_fused_kernel(const bench::Params& params);

}  // namespace aisp::labs::ch12::kernel_fusion
