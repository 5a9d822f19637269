// The double buffer: one batch is filled while the one before is used. Two threads work at once
// that would otherwise work in turn; the layer has one core less.
#include "labs/ch03_system/kubernetes/problem.h"

namespace aisp::labs::ch03::kubernetes {

bench::Technique ring_two() {
  return ring("ring_two", "a producer thread fills one of two batches while the other is used", 2);
}

}  // namespace aisp::labs::ch03::kubernetes
