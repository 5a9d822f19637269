// Pages dealt to all nodes in turn: half of them remote on two nodes, but no node's channels idle.
// Source: numactl(8), --interleave.
#include "labs/ch03_system/numa_unaware/problem.h"

namespace aisp::labs::ch03::numa_unaware {

bench::Technique interleaved() {
  return placed("interleaved", "pages dealt to all nodes in turn, threads pinned",
                {Touch::kInterleaved, true});
}

}  // namespace aisp::labs::ch03::numa_unaware
