// C[M,N] = A[M,K] B[K,N] in f32, row-major: from the loop everybody writes first to a register
// tile. Params: M, N, K. Inputs: A, B. Output: C.
#pragma once

#include "bench/lab.h"
#include "machine/peer_blas.h"

namespace aisp::labs::ch07::matmul_tiled {

enum Input : std::size_t { kA, kB };
enum Output : std::size_t { kC };

bench::Technique triple_loop();
bench::Technique loop_interchange();
bench::Technique cache_blocked();
bench::Technique tiled_simd();
bench::Technique tiled_simd_threads();
bench::Technique onednn();
bench::Technique onednn_threads();
bench::Technique openblas();
bench::Technique openblas_threads();

/// A peer's sgemm on one thread (threads = 1) or on every core (threads = 0).
bench::Technique peer(machine::PeerLibrary library, const char* name, int threads);

}  // namespace aisp::labs::ch07::matmul_tiled
