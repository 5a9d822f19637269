// Sinkhorn routing of tokens to experts, a fixed number of passes: scale rows, then columns, of
// exp(x) until tokens and experts are balanced.
//   cost = exp(x);  d1 = 1;  each pass:  d0[t] = 1 / (T (sum_e d1[e] cost[t][e] + eps)),
//                                        d1[e] = 1 / (E (sum_t d0[t] cost[t][e] + eps))
//   out[t][e] = d1[e] cost[t][e] d0[t]
// Params: tokens T, experts E (at most 256), passes. Input x[T][E], output out[T][E]. f32. GPU
// only. Source: Megatron-LM, megatron/core/transformer/moe/moe_utils.py, sinkhorn().
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch10::cooperative_persistent {

inline constexpr float kEpsilon = 1e-8F;

std::unique_ptr<bench::Plan> plan_five_kernels(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_graph_of_kernels(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_persistent_kernel(const bench::Params& params);

}  // namespace aisp::labs::ch10::cooperative_persistent
