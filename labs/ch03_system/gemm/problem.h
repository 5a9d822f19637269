// C[M,N] = A[M,K] B[K,N] in f32 as many library calls, or as one. The arithmetic is the same; the
// techniques differ in how the product is cut into calls. Contract: bench/matmul_problem.h.
#pragma once

#include "bench/matmul_problem.h"
#include "kernels/gemm/gemm.h"

namespace aisp::labs::ch03::gemm {

/// Length of one block of K in k_blocks_add: what a GPU kernel's tile loop takes at a time, and a
/// usual slice of K in hand-blocked host code.
inline constexpr std::int64_t kDepth = 64;
/// Rows of one call in the row-wise techniques: a small request of 16 tokens.
inline constexpr std::int64_t kRows = 16;

bench::Technique k_blocks_add();
bench::Technique row_calls();
bench::Technique row_calls_one_fork();
bench::Technique one_call();
bench::Technique onednn_threads();
bench::Technique openblas_threads();

}  // namespace aisp::labs::ch03::gemm
