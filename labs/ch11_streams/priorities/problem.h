// Two jobs on one GPU: bulk work that nobody waits for, and a chain of small dependent steps that
// somebody does (decode steps beside a prefill, an all-reduce's kernels beside a backward pass).
//   bulk:  b[i] = `rounds` times  b <- kDecay b + x[i],  from 0
//   chain: `steps` times  c[i] <- (c[i] + c[(i + 1) mod width]) / 2,  a launch a step
// Params: bulk, rounds, width, steps. Inputs x[bulk], c0[width]; outputs b[bulk], c[width]. f32.
// The call ends when both are done. GPU only.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch11::priorities {

inline constexpr float kDecay = 0.5F;

std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_two_streams(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_chain_first(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_high_priority(const bench::Params& params);

}  // namespace aisp::labs::ch11::priorities
