// The double buffer: a loader thread reads the next block into one of two buffers while the other
// is computed on. It is one thread more than there are cores, as the workers of data loaders are:
// while it waits for the disk it needs none.
#include "labs/ch03_system/pinned_prefetch/problem.h"

namespace aisp::labs::ch03::pinned_prefetch {

bench::Technique loader_two() {
  return loader("loader_two", "a thread reads the next block while this one is computed on", 2);
}

}  // namespace aisp::labs::ch03::pinned_prefetch
