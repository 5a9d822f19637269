// Training steps with loss scaling: a step is applied only when no scaled gradient would overflow
// f16. The decision is data, found on the device; who acts on it is what the techniques differ in.
// For k < steps:  overflow_k = any i: |g[k][i]| > kLargest;  if (!overflow_k) p -= kRate * g[k].
// Params: steps, n. Inputs p0[n], g[steps][n]; a quarter of the steps overflows, in one element.
// Output p[n], which starts as a copy of p0. All f32. GPU only.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch12::cuda_graphs_conditional {

inline constexpr float kLargest = 65504.0F;  // of f16
inline constexpr float kRate = 1e-3F;

std::unique_ptr<bench::Plan> plan_host_branch(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_if_nodes(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_while_node(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_flag_in_kernel(const bench::Params& params);

}  // namespace aisp::labs::ch12::cuda_graphs_conditional
