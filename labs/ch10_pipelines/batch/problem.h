// C[M,N] = A[M,K] B in f16 with sums in f32, B stored [N,K] (bench/matmul_narrow.h has the
// contract): one layer applied to M tokens, in `parts` micro-batches or at once. GPU only.
#pragma once

#include "bench/lab.h"

namespace aisp::labs::ch10::batch {

std::unique_ptr<bench::Plan> plan_micro_batches(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_micro_batch_streams(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_batch(const bench::Params& params);

}  // namespace aisp::labs::ch10::batch
