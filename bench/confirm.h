// An accusation that rests on times alone must come twice. A busy machine can make an honest call
// look discounted once; two processes with seeds of their own agree only about a cheat.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/supervisor.h"

namespace aisp::bench {

/// Checks whose evidence is a time: "repeat" and "clock".
bool judged_by_time(const std::string& detector);

/// Runs a job through `supervise`, and where techniques fell by their times, once more with the
/// baseline (the job's first technique) and those alone, its seed `second_seed`. What the second
/// says of them counts, the first word on them is dropped; a note tells who was cleared. A suspect
/// baseline means the whole job again. Returns one or two outcomes, to be taken in their order.
std::vector<JobOutcome> run_confirmed(const Job& job,
                                      const std::function<JobOutcome(const Job&)>& supervise,
                                      std::uint64_t second_seed);

}  // namespace aisp::bench
