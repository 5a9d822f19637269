// y[r] = sum over k of x[r][k] * w[k]: a linear layer with one output, f32. Inputs x[rows][n],
// w[n]; output y[rows]. One product for each 4 bytes: what counts is how the bytes are fetched.
#pragma once

#include <memory>

#include "bench/lab.h"

namespace aisp::labs::ch08::ai_optimization {

std::unique_ptr<bench::Plan> plan_one_accumulator(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_four_accumulators(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_weights_in_shared(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_warp_per_row(const bench::Params& params);

}  // namespace aisp::labs::ch08::ai_optimization
