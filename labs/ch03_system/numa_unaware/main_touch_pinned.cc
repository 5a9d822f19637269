// Pinned threads alone: what OMP_PROC_BIND does without first touch by the right threads. The pages
// stay on one node, and its memory channels serve everybody.
#include "labs/ch03_system/numa_unaware/problem.h"

namespace aisp::labs::ch03::numa_unaware {

bench::Technique main_touch_pinned() {
  return placed("main_touch_pinned", "weights on the main thread's node, threads pinned",
                {Touch::kMain, true});
}

}  // namespace aisp::labs::ch03::numa_unaware
