// Tiled attention, 16 lanes.
#include <cmath>
#include <limits>

#include "kernels/simd/vectors.h"
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {
using kernels::simd::avx512::V;
// 16 accumulators of 32 registers; 8 chains cover the latency of FMA (4 cycles, at most 2 a cycle);
// 10 loads feed 16 FMAs. 4 x 4, 4 x 6 and 3 x 8 ran at 0.96 to 0.97 of this speed: larger tiles of
// queries waste more at the diagonal.
constexpr int kVectors = 2;
constexpr int kRows = 8;
#include "labs/ch10_pipelines/flash_attention/tile_body.h"
}  // namespace avx512
AISP_TARGET_END

TileKernel avx512_kernel() { return {avx512::kQueries, avx512::scratch_floats, avx512::attend}; }
#else
TileKernel avx512_kernel() { return portable_kernel(); }
#endif

bench::Technique tiled_avx512() {
  return {.name = "tiled_avx512",
          .summary = "tiles with online softmax, 16 lanes, 8 x 2 register tiles",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx512 ? "" : "needs AVX-512";
          },
          .plan = [](const bench::Params& params) { return plan_tiles(params, avx512_kernel()); }};
}

}  // namespace aisp::labs::ch10::flash_attention
