// Sum of a float array: the smallest problem in which strict floating-point order costs most of the
// machine. Inputs: x[n] f32. Outputs: sum[1] f32. The SIMD techniques are adapters to
// kernels/reduce.
#pragma once

#include "bench/lab.h"
#include "kernels/reduce/reduce.h"

namespace aisp::labs::ch05::vectorization {

/// A technique that runs one variant of the kernel on one thread.
bench::Technique one_variant(const char* name, const char* summary, const char* variant);

bench::Technique scalar_loop();
bench::Technique multi_accumulator();
bench::Technique simd_avx2();
bench::Technique simd_avx512();
bench::Technique simd_threads();

// On the GPU.
std::unique_ptr<bench::Plan> plan_chunk_launches(const bench::Params&);
std::unique_ptr<bench::Plan> plan_one_reduction(const bench::Params&);
std::unique_ptr<bench::Plan> plan_one_reduction_float4(const bench::Params&);

}  // namespace aisp::labs::ch05::vectorization
