// First come, first served: the engine's scheduler with a single tenant. Whoever comes behind a
// flood waits for all of it.
#include "labs/ch16_production_inference/fair_scheduler/problem.h"

namespace aisp::labs::ch16::fair_scheduler {

bench::Technique arrival_order() {
  return by_policy("arrival_order", "first come, first served: nobody asks who asks", {});
}

}  // namespace aisp::labs::ch16::fair_scheduler
