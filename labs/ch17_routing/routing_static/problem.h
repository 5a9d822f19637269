// A static rule: prompts of kLongTokens and more go to the last L of E engines, shorter ones to the
// others, both in turns. Params: N requests, E engines (at most 16), L of them for long prompts.
// Input: prompt i32 [N] tokens. Output: engine i32 [N].
#pragma once

#include "bench/lab.h"

namespace aisp::labs::ch17::routing_static {

inline constexpr std::int32_t kLongTokens = 512;

bench::Technique route_each();
bench::Technique two_turns();
bench::Technique expand_avx512();

}  // namespace aisp::labs::ch17::routing_static
