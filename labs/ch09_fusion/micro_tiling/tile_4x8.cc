// Thirty-two elements: eight 4-wide registers of the 16 that any x86-64 has.
#include "labs/ch09_fusion/micro_tiling/scalar_tile.h"

namespace aisp::labs::ch09::micro_tiling {

bench::Technique tile_4x8() {
  return {.name = "tile_4x8",
          .summary = "a tile of 4 x 8 elements of C in registers, plain C++",
          .plan = [](const bench::Params& p) { return plan_product(p, scalar_tiles<4, 8>); }};
}

}  // namespace aisp::labs::ch09::micro_tiling
