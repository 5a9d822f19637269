// out[i] = |x[i]| > threshold ? silu(x[i]) : 0, f32: the thresholded activation of CATS, which
// makes an MLP sparse. Every technique computes the same function of the same bytes.
#pragma once

#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch08::threshold {

/// Half of a standard normal's values lie beyond.
inline constexpr float kThreshold = 0.67449f;

std::unique_ptr<bench::Plan> plan_branchy(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_predicated(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_predicated_vectorized(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_staged_pipeline(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_staged_tma(const bench::Params& params);

}  // namespace aisp::labs::ch08::threshold
