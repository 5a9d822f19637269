// The register tile with 16 lanes.
#include <cstdint>
#include <utility>

#include "kernels/simd/vectors.h"
#include "labs/ch09_fusion/micro_tiling/problem.h"

namespace aisp::labs::ch09::micro_tiling {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {
namespace {
using kernels::simd::avx512::V;
// 28 sums + 2 vectors of B fill 30 of 32 registers (values of A come as memory operands); 16 loads
// feed 28 FMAs.
constexpr int kRows = 14;
constexpr int kVectors = 2;
#include "labs/ch09_fusion/micro_tiling/register_tile.inc"
}  // namespace
}  // namespace avx512
AISP_TARGET_END
#endif

bench::Technique tile_avx512() {
  return {.name = "tile_avx512",
          .summary = "a tile of 14 x 2 vectors of 16 lanes, no packing",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx512 ? "" : "needs AVX-512";
          },
          .plan =
              [](const bench::Params& p) {
#if AISP_X86
                return plan_product(p, avx512::multiply);
#else
                return triple_loop().plan(p);  // never: `needs` said no
#endif
              }};
}

}  // namespace aisp::labs::ch09::micro_tiling
