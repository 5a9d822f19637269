// A staging tile of 128 x 128 floats. The turned writes into it step 512 bytes, which reaches only
// 8 of the 64 sets of L1: 128 lines compete for 8 x 8 (or 8 x 12) places.
#include "labs/ch07_memory_access/transpose/staging_tile.h"

namespace aisp::labs::ch07::transpose {

bench::Technique tile() {
  return {.name = "tile",
          .summary = "staged through a 128 x 128 tile with a power-of-two leading dimension",
          .plan = plan_tiles<kTile>};
}

}  // namespace aisp::labs::ch07::transpose
