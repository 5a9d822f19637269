// The CPU's own asynchronous copy: for each line of this tile, one prefetch of the same line of the
// next tile, whose place the table tells long before the loads do. No scratch.
#include "labs/ch07_memory_access/async_prefetch/problem.h"

namespace aisp::labs::ch07::async_prefetch {

bench::Technique prefetch_next() {
  return with_load("prefetch_next", "compute where it lies, prefetching the next tile line by line",
                   Load::kPrefetchNext);
}

}  // namespace aisp::labs::ch07::async_prefetch
