// Tiled attention, 8 lanes.
#include <cmath>
#include <limits>

#include "kernels/simd/vectors.h"
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
using kernels::simd::avx2::V;
// 12 accumulators, 3 vectors and 1 broadcast are all 16 registers; 8 chains cover the latency of
// FMA (4 cycles, 2 a cycle); 7 loads feed 12 FMAs. 2 x 4 ran at 0.84, 2 x 6 at 0.95 of this speed.
constexpr int kVectors = 3;
constexpr int kRows = 4;
#include "labs/ch10_pipelines/flash_attention/tile_body.h"
}  // namespace avx2
AISP_TARGET_END

TileKernel avx2_kernel() { return {avx2::kQueries, avx2::scratch_floats, avx2::attend}; }
#else
TileKernel avx2_kernel() { return portable_kernel(); }
#endif

bench::Technique tiled_avx2() {
  return {.name = "tiled_avx2",
          .summary = "tiles with online softmax, 8 lanes, 4 x 3 register tiles",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx2 ? "" : "needs AVX2";
          },
          .plan = [](const bench::Params& params) { return plan_tiles(params, avx2_kernel()); }};
}

}  // namespace aisp::labs::ch10::flash_attention
