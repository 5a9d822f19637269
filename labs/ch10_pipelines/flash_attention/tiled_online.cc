// Tiled attention with 4 lanes of the compiler's vector extension: SSE2, NEON, any machine.
#include <cmath>
#include <limits>

#include "kernels/simd/vectors.h"
#include "labs/ch10_pipelines/flash_attention/problem.h"
#include "labs/ch10_pipelines/flash_attention/tiles.h"

namespace aisp::labs::ch10::flash_attention {
namespace portable {
using kernels::simd::portable::V;
// 8 accumulators, 2 vectors and 1 broadcast of generic x86-64's 16 registers; two-operand SSE
// instructions need the rest for copies.
constexpr int kVectors = 2;
constexpr int kRows = 4;
#include "labs/ch10_pipelines/flash_attention/tile_body.h"
}  // namespace portable

TileKernel portable_kernel() {
  return {portable::kQueries, portable::scratch_floats, portable::attend};
}

std::unique_ptr<bench::Plan> plan_tiles(const bench::Params& params, const TileKernel& kernel) {
  const Tiles tiles = {shape_of(params), kernel.queries};
  return bench::plan_of([kernel, tiles, scratch = make_scratch(kernel.scratch_floats(params["D"]))](
                            const bench::Io& io) {
    for (std::int64_t t = 0; t < tiles.count(); ++t) {
      kernel.run(tiles.at(t, io), scratch.get());
    }
  });
}

bench::Technique tiled_online() {
  return {
      .name = "tiled_online",
      .summary = "tiles with online softmax, 4 lanes, any machine",
      .plan = [](const bench::Params& params) { return plan_tiles(params, portable_kernel()); }};
}

}  // namespace aisp::labs::ch10::flash_attention
