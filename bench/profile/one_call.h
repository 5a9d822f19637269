// The process that a profiler looks at: one technique made ready, called once untimed, and called
// once more between the marks. Its times are of no interest: counters are read in many passes.
#pragma once

#include <string>

namespace aisp::bench {

/// Entry of the hidden command `bench profile-worker`. `path`: a file with a job of one technique
/// (job.h). Throws Error when it is none, or when the call fails.
int profile_worker_main(const std::string& path);

}  // namespace aisp::bench
