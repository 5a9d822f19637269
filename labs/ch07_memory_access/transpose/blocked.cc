// Cache blocking without staging: blocks one cache line (16 floats) on a side, plain loops, written
// in output order. The kernel's portable variant.
// Source: Lam, Rothberg and Wolf, "The Cache Performance and Optimizations of Blocked Algorithms"
// (ASPLOS 1991): the block that survives depends on the leading dimension.
#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

bench::Technique blocked() {
  return one_variant("blocked", "blocks of one cache line on a side, plain loops", "portable",
                     false);
}

}  // namespace aisp::labs::ch07::transpose
