// C[M,N] = A[M,K] B[K,N] in f32, row-major: from the loop everybody writes first to a register
// tile. Params: M, N, K. Inputs: A, B. Output: C.
#pragma once

#include "bench/matmul_problem.h"

namespace aisp::labs::ch07::matmul_tiled {

using bench::matmul::kA;
using bench::matmul::kB;
using bench::matmul::kC;
using bench::matmul::peer;

bench::Technique triple_loop();
bench::Technique loop_interchange();
bench::Technique cache_blocked();
bench::Technique tiled_simd();
bench::Technique tiled_simd_threads();
bench::Technique onednn();
bench::Technique onednn_threads();
bench::Technique openblas();
bench::Technique openblas_threads();

// On the GPU.
std::unique_ptr<bench::Plan> plan_thread_per_element(const bench::Params&);
std::unique_ptr<bench::Plan> plan_shared_tiles(const bench::Params&);
std::unique_ptr<bench::Plan> plan_shared_tiles_eight_rows(const bench::Params&);

}  // namespace aisp::labs::ch07::matmul_tiled
