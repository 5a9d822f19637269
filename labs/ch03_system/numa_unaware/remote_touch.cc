// The worst placement that pinning can freeze: every thread reads from another node. What a process
// gets whose memory was bound to one node and its threads to another.
#include "labs/ch03_system/numa_unaware/problem.h"

namespace aisp::labs::ch03::numa_unaware {

bench::Technique remote_touch() {
  return placed("remote_touch", "each thread's rows on another node, threads pinned",
                {Touch::kRemote, true});
}

}  // namespace aisp::labs::ch03::numa_unaware
