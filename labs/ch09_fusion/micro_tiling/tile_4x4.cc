// Sixteen elements: half a load for each multiplication. The compiler may put a row of the tile in
// one 4-wide register, so that a column of B is one load.
#include "labs/ch09_fusion/micro_tiling/scalar_tile.h"

namespace aisp::labs::ch09::micro_tiling {

bench::Technique tile_4x4() {
  return {.name = "tile_4x4",
          .summary = "a tile of 4 x 4 elements of C in registers, plain C++",
          .plan = [](const bench::Params& p) { return plan_product(p, scalar_tiles<4, 4>); }};
}

}  // namespace aisp::labs::ch09::micro_tiling
