// C[M,N] = A[M,K] B[K,N] in f32 on the GPU's ordinary units (bench/matmul_problem.h has the
// contract): from global memory, through shared memory, and with the next tile on its way.
#pragma once

#include "bench/matmul_problem.h"

namespace aisp::labs::ch10::double_buffered_pipeline {

std::unique_ptr<bench::Plan> plan_global_memory(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_double_buffer(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_three_buffers(const bench::Params& params);

}  // namespace aisp::labs::ch10::double_buffered_pipeline
