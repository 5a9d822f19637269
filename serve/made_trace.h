// Arrivals made up from stated distributions, as a trace: for fleets and tests that have no
// recorded one. Poisson arrivals whose rate may change once and back; prompts that begin with one
// of several shared prefixes and go on with their own tokens; log-normal lengths.
#pragma once

#include <cstdint>

#include "base/request_trace.h"

namespace aisp::serve {

struct MadeTrace {
  double rate = 4.0;  // arrivals a second
  double duration_s = 120.0;
  int groups = 16;                                       // shared prefixes; 0: none is shared
  int prefix_tokens = 256;                               // of each, a multiple of 16
  double prompt_mean = 192.0, prompt_deviation = 192.0;  // beyond the prefix
  double answer_mean = 64.0, answer_deviation = 48.0;
  double step_at_s = 0.0;  // from then on the rate is step_factor times as high,
  double step_factor = 1.0;
  double step_for_s = 0.0;  // for so long; 0: to the end
  std::uint64_t seed = 1;
};

/// Deterministic. Throws Error when a number is out of range: more than 10 million arrivals, or
/// lengths beyond 2^20.
RequestTrace made_trace(const MadeTrace& options);

}  // namespace aisp::serve
