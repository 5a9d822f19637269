// What a worker process may do to the world: limited memory, no signals to others, killed with its
// parent. All unprivileged.
#pragma once

#include <cstddef>
#include <string>

namespace aisp::bench {

/// RLIMIT_AS at `bytes` above what is mapped now; 0 leaves it. No effect under AddressSanitizer,
/// whose shadow alone exceeds any limit.
void limit_memory(std::size_t bytes);

/// After this, a signal sent to another process ends this one with SIGSYS (seccomp). "" or why it
/// could not be installed; the run then goes on without and says so.
std::string forbid_signals_to_others();

}  // namespace aisp::bench
