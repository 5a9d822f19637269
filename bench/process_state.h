// What a technique may not leave changed behind it: threads, affinity, priority, floating-point
// mode, signal handlers, heap, descriptors. Two snapshots and their difference.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace aisp::bench {

struct ProcessState {
  int threads = 0;
  std::vector<int> affinity;
  int nice = 0;
  int policy = 0;
  unsigned fp_mode = 0;                  // MXCSR control bits (x86)
  std::vector<std::uintptr_t> handlers;  // by signal number
  int descriptors = 0;
  std::int64_t heap_bytes = 0;  // live malloc bytes
  std::int64_t data_bytes = 0;  // VmData: private writable mappings
};

/// About 50 us: reads /proc/self.
ProcessState process_state();

/// `state` with affinity, priority, floating-point mode and handlers as they are now: what can be
/// had without /proc. About 5 us.
ProcessState settings_now(ProcessState state);

/// Restores affinity, priority, floating-point mode and signal handlers to `state`.
void restore(const ProcessState& state);

/// Pairs of (check name, sentence) for what `after` has that `before` had not. Threads get up to
/// 100 ms to end.
std::vector<std::pair<std::string, std::string>> state_changes(const ProcessState& before,
                                                               const ProcessState& after);

/// "" or how much memory `call` keeps. It is called 64 times (fewer if they take a second, more if
/// they take no time). Growth of more than 64 bytes a call and 256 KiB in all is suspect: then it
/// is called as often again as it was in all, twice, and it is a leak when memory grows as much
/// each time. So what grows in proportion to the calls is named, and so is what doubles now and
/// then; a heap or a pool that once found its size is not.
std::string memory_leak(const std::function<void()>& call);

}  // namespace aisp::bench
