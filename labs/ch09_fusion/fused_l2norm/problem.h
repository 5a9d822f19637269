// out[i] = sqrt(x[i]^2 + y[i]^2): the magnitude of a complex spectrogram whose real and imaginary
// parts are two arrays. Inputs x[n], y[n]; output out[n]; f32. Straight squares, as the eager
// expression does: they overflow where hypot would not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch09::fused_l2norm {

/// out[0..n) in one pass. `out` is 16-float aligned for the streaming forms.
using NormKernel = void (*)(const float* x, const float* y, float* out, std::size_t n);

void norm_plain(const float* x, const float* y, float* out, std::size_t n);
void norm_avx2(const float* x, const float* y, float* out, std::size_t n);
void norm_avx512(const float* x, const float* y, float* out, std::size_t n);
/// The same with stores that bypass the caches; ends with a fence.
void norm_avx2_streaming(const float* x, const float* y, float* out, std::size_t n);
void norm_avx512_streaming(const float* x, const float* y, float* out, std::size_t n);

/// The widest kernel of this machine, streaming or not.
NormKernel choose_kernel(const machine::Cpu& cpu, bool streaming);

/// Should `n` elements be stored past the caches? Yes when the three arrays cannot stay in the last
/// level cache anyway: only then does the line that a plain store first reads cost memory traffic.
bool choose_streaming(std::int64_t n, const machine::Cpu& cpu);

bench::Technique four_passes();
bench::Technique one_pass();
bench::Technique one_pass_avx2();
bench::Technique one_pass_avx512();
bench::Technique one_pass_streaming();
bench::Technique one_pass_threads();

std::unique_ptr<bench::Plan> plan_four_kernels(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_kernel(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_kernel_vectorized(const bench::Params& params);

}  // namespace aisp::labs::ch09::fused_l2norm
