// First touch by the thread that will read, and threads that stay: each node serves its own cores.
// Source: numa(7); Drepper, "What Every Programmer Should Know About Memory" (2007), section 6.5.
#include "labs/ch03_system/numa_unaware/problem.h"

namespace aisp::labs::ch03::numa_unaware {

bench::Technique local_touch() {
  return placed("local_touch", "each thread's rows on its own node, threads pinned",
                {Touch::kLocal, true});
}

}  // namespace aisp::labs::ch03::numa_unaware
