// Tiles in shared memory, fetched by all threads while nobody computes.
#include "labs/ch10_pipelines/flash_attention/tiles_in_shared.cuh"

namespace aisp::labs::ch10::flash_attention {

std::unique_ptr<bench::Plan> plan_tiled_blocking(const bench::Params& params) {
  return plan_tiled<false>(params);
}

}  // namespace aisp::labs::ch10::flash_attention
