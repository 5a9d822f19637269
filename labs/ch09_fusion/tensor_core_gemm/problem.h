// C[M,N] = A[M,K] B, B stored [N,K] as the weight of nn.Linear, in tf32, f16 or e4m3 (type 0, 1, 2;
// bench/matmul_narrow.h), sums in f32.
#pragma once

#include <memory>

#include "bench/matmul_narrow.h"

namespace aisp::labs::ch09::tensor_core_gemm {

enum Input : std::size_t { kA, kB };

std::unique_ptr<bench::Plan> plan_simt(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_wgmma_1_stage(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_wgmma_2_stages(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_wgmma_4_stages(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_wgmma_wide(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_cublaslt(const bench::Params& params);

}  // namespace aisp::labs::ch09::tensor_core_gemm
