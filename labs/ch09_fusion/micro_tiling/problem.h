// C[M,N] = A[M,K] B[K,N] in f32, small enough for L2, so that nothing needs packing or cache
// blocks and the register tile is seen alone. Contract: bench/matmul_problem.h.
#pragma once

#include "bench/matmul_problem.h"

namespace aisp::labs::ch09::micro_tiling {

/// C[m,n] = A[m,k] B[k,n], tight rows.
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  const float* b = nullptr;
  float* c = nullptr;
};
using Kernel = void (*)(const Product&);

std::unique_ptr<bench::Plan> plan_product(const bench::Params& params, Kernel kernel);

bench::Technique triple_loop();
bench::Technique tile_2x2();
bench::Technique tile_4x4();
bench::Technique tile_portable();
bench::Technique tile_avx2();
bench::Technique tile_avx512();
bench::Technique packed_gemm();
bench::Technique onednn();
bench::Technique openblas();

std::unique_ptr<bench::Plan> plan_thread_per_element(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_register_tile(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_cublaslt(const bench::Params& params);

}  // namespace aisp::labs::ch09::micro_tiling
