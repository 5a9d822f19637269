// The baseline: the main thread allocates the weights and touches them first, so all of them lie on
// its node, while threads run on every node and wander. What a program gets that knows nothing of
// nodes: torch.empty() and a load in the main thread, then a parallel region.
#include "labs/ch03_system/numa_unaware/problem.h"

namespace aisp::labs::ch03::numa_unaware {

bench::Technique main_touch() {
  bench::Technique technique = placed(
      "main_touch", "weights on the main thread's node, threads anywhere", {Touch::kMain, false});
  technique.needs = {};  // works on every machine
  return technique;
}

}  // namespace aisp::labs::ch03::numa_unaware
