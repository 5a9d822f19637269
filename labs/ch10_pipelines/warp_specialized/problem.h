// C[M,N] = A[M,K] B in bf16 with sums in f32, B stored [N,K] (bench/matmul_narrow.h has the
// contract): one tile of 128 x 128 a block, slices of 64 along K brought by the copy engine,
// multiplied by two warpgroups. Techniques differ in who asks for the slices, when, and for whom.
#pragma once

#include "bench/lab.h"

namespace aisp::labs::ch10::warp_specialized {

std::unique_ptr<bench::Plan> plan_one_stage(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_multi_stage(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_producer_warp(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_pingpong(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_cluster_multicast(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_persistent(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_persistent_wide(const bench::Params& params);
bench::Technique cublaslt();

}  // namespace aisp::labs::ch10::warp_specialized
