// Sum of a float array: the smallest problem in which strict floating-point order costs most of the
// machine. Inputs: x[n] f32. Outputs: sum[1] f32.
// The kernels below are shared: simd_threads runs the widest one on every core.
#pragma once

#include <cstddef>

#include "bench/lab.h"

namespace aisp::labs::ch05::vectorization {

/// Sum of x[0..n), f32 accumulation in 32 partial sums, any machine.
float sum_multi_accumulator(const float* x, std::size_t n);
/// The same with eight 8-lane accumulators; caller has checked cpu().avx2.
float sum_avx2(const float* x, std::size_t n);
/// The same with eight 16-lane accumulators; caller has checked cpu().avx512.
float sum_avx512(const float* x, std::size_t n);

using SumKernel = float (*)(const float*, std::size_t);
/// The widest of the three that `cpu` can run.
SumKernel choose_kernel(const machine::Cpu& cpu);

bench::Technique scalar_loop();
bench::Technique multi_accumulator();
bench::Technique simd_avx2();
bench::Technique simd_avx512();
bench::Technique simd_threads();

}  // namespace aisp::labs::ch05::vectorization
