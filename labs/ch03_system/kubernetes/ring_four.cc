// A deeper ring: evens out steps of unequal length, at the price of batches that left the caches
// before they are used.
// Source: PyTorch, DataLoader's prefetch_factor; tf.data's prefetch(buffer_size).
#include "labs/ch03_system/kubernetes/problem.h"

namespace aisp::labs::ch03::kubernetes {

bench::Technique ring_four() {
  return ring("ring_four", "a producer thread up to four batches ahead", 4);
}

}  // namespace aisp::labs::ch03::kubernetes
