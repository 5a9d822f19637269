// The register tile with the 4-wide vectors that every processor has (SSE2, NEON), written down as
// vectors: from the plain C++ of tile_4x4 g++ 12 makes scalar code.
#include <cstdint>
#include <utility>

#include "kernels/simd/vectors.h"
#include "labs/ch09_fusion/micro_tiling/problem.h"

namespace aisp::labs::ch09::micro_tiling {
namespace {
using kernels::simd::portable::V;
// 12 sums + 2 vectors of B + 1 of A fill 15 of 16 registers.
constexpr int kRows = 6;
constexpr int kVectors = 2;
#include "labs/ch09_fusion/micro_tiling/register_tile.inc"
}  // namespace

bench::Technique tile_portable() {
  return {.name = "tile_portable",
          .summary = "a tile of 6 x 2 vectors of 4 lanes, any machine, no packing",
          .plan = [](const bench::Params& p) { return plan_product(p, multiply); }};
}

}  // namespace aisp::labs::ch09::micro_tiling
