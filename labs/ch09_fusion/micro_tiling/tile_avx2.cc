// The register tile with 8 lanes and fused multiply-add.
#include <cstdint>
#include <utility>

#include "kernels/simd/vectors.h"
#include "labs/ch09_fusion/micro_tiling/problem.h"

namespace aisp::labs::ch09::micro_tiling {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
namespace {
using kernels::simd::avx2::V;
// 12 sums + 2 vectors of B + 1 of A fill 15 of 16 registers; 12 chains are 1.5 times latency x
// throughput (4 cycles, 2 a cycle), and 8 loads feed 12 FMAs.
constexpr int kRows = 6;
constexpr int kVectors = 2;
#include "labs/ch09_fusion/micro_tiling/register_tile.inc"
}  // namespace
}  // namespace avx2
AISP_TARGET_END
#endif

bench::Technique tile_avx2() {
  return {.name = "tile_avx2",
          .summary = "a tile of 6 x 2 vectors of 8 lanes, fused multiply-add, no packing",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx2 ? "" : "needs AVX2";
          },
          .plan =
              [](const bench::Params& p) {
#if AISP_X86
                return plan_product(p, avx2::multiply);
#else
                return triple_loop().plan(p);  // never: `needs` said no
#endif
              }};
}

}  // namespace aisp::labs::ch09::micro_tiling
