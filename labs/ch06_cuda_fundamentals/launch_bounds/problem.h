// Router of a mixture of experts: softmax of 64 logits for each token, one thread a token, all 64
// kept in registers. Inputs: logits[tokens][64] f32. Output: gates[tokens][64] f32. The techniques
// are one kernel under different __launch_bounds__.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch06::launch_bounds {

inline constexpr int kExperts = 64;

std::unique_ptr<bench::Plan> plan_no_bounds(const bench::Params&);
std::unique_ptr<bench::Plan> plan_threads_only(const bench::Params&);
std::unique_ptr<bench::Plan> plan_two_blocks(const bench::Params&);
std::unique_ptr<bench::Plan> plan_four_blocks(const bench::Params&);
std::unique_ptr<bench::Plan> plan_eight_blocks(const bench::Params&);

}  // namespace aisp::labs::ch06::launch_bounds
