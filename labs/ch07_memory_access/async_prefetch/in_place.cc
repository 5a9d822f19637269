// The baseline: the tiles are read where they lie, as a loop over a paged cache does when nobody
// thinks about it. The core's own prefetchers see rows of 512 bytes, 8 KB in a run.
#include "labs/ch07_memory_access/async_prefetch/problem.h"

namespace aisp::labs::ch07::async_prefetch {

bench::Technique in_place() {
  return with_load("in_place", "compute on the cache where it lies", Load::kInPlace);
}

}  // namespace aisp::labs::ch07::async_prefetch
