// The same tile with one cache line of padding per row: a leading dimension of 144 floats (9 lines,
// an odd number) spreads the turned writes over all sets of L1.
#include "labs/ch07_memory_access/transpose/staging_tile.h"

namespace aisp::labs::ch07::transpose {

bench::Technique padded_tile() {
  return {.name = "padded_tile",
          .summary = "the same tile, each row padded by one cache line",
          .plan = plan_tiles<kTile + 16>};
}

}  // namespace aisp::labs::ch07::transpose
