// Four elements of C at a time: four independent chains, one load for each multiplication.
#include "labs/ch09_fusion/micro_tiling/scalar_tile.h"

namespace aisp::labs::ch09::micro_tiling {

bench::Technique tile_2x2() {
  return {.name = "tile_2x2",
          .summary = "a tile of 2 x 2 elements of C in registers, plain C++",
          .plan = [](const bench::Params& p) { return plan_product(p, scalar_tiles<2, 2>); }};
}

}  // namespace aisp::labs::ch09::micro_tiling
