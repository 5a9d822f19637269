// Two scratch tiles: while one is computed on, the next is copied into the other, a vector for each
// vector, as cuda::pipeline does with asynchronous copies. A CPU has no copy engine in its core:
// the loads and stores are its own.
#include "labs/ch07_memory_access/async_prefetch/problem.h"

namespace aisp::labs::ch07::async_prefetch {

bench::Technique double_buffer() {
  return with_load("double_buffer",
                   "two scratch tiles, the next one copied while this one is computed on",
                   Load::kDoubleBuffered);
}

}  // namespace aisp::labs::ch07::async_prefetch
