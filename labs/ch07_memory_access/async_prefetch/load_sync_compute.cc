// Load a tile, wait, compute: the tile is copied into a scratch in L1 first, as a GPU kernel copies
// it into shared memory, and nothing of the next tile is asked for meanwhile.
#include "labs/ch07_memory_access/async_prefetch/problem.h"

namespace aisp::labs::ch07::async_prefetch {

bench::Technique load_sync_compute() {
  return with_load("load_sync_compute", "copy each tile into a scratch, then compute on it",
                   Load::kStaged);
}

}  // namespace aisp::labs::ch07::async_prefetch
