// A mixture of experts at decode time, as in a Switch Transformer: each token goes to the one
// expert that its router prefers. For token t: e = argmax_e (wr x_t)_e; y_t = softmax(wr x_t)_e *
// w2[e] relu(w1[e] x_t). Params tokens (at most kMostTokens), experts (at most kMostExperts),
// width, hidden. Inputs x[tokens][width], wr[experts][width], w1[experts][hidden][width],
// w2[experts][width][hidden]; output y[tokens][width]. All f32. Which experts run is data that only
// the device knows; techniques differ in who acts on it. GPU only.
#pragma once

#include <cstdint>
#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch12::cuda_graphs_router {

enum Input : std::size_t { kX, kRouter, kW1, kW2 };

inline constexpr int kMostTokens = 8, kMostExperts = 16;

/// A token's best expert leads by this in its logit, for every seed: rounding decides nothing.
inline constexpr double kLead = 1e-3;

std::unique_ptr<bench::Plan> plan_host_routes(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_every_expert(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_if_nodes(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_route_in_kernel(const bench::Params& params);

}  // namespace aisp::labs::ch12::cuda_graphs_router
