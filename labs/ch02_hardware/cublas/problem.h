// C[M,N] = A[M,K] B[K,N] in f32, large: one library's product with the processor's wide units
// unused, then used, then on every core. Contract: bench/matmul_problem.h.
#pragma once

#include "bench/matmul_problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique tiles_portable();
bench::Technique tiles_avx2();
bench::Technique tiles_avx512();
bench::Technique tiles_threads();
bench::Technique onednn();
bench::Technique onednn_threads();
bench::Technique openblas();
bench::Technique openblas_threads();
bench::Technique cublas_f32();
std::unique_ptr<bench::Plan> plan_cublas_tf32_split(const bench::Params&);

/// kernels/gemm with the named variant ("" for the widest) on one thread or, with 0, on every core.
std::unique_ptr<bench::Plan> plan_gemm(const bench::Params& params, const char* variant,
                                       int threads);

}  // namespace aisp::labs::ch02::cublas
