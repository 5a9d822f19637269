// The same tiles, fetched by the copy engine into the other of two buffers while this one is used.
// Rows that are no multiple of 16 bytes cannot be copied so, and take the blocking way.
#include "labs/ch10_pipelines/flash_attention/tiles_in_shared.cuh"

namespace aisp::labs::ch10::flash_attention {

std::unique_ptr<bench::Plan> plan_tiled_copy_engine(const bench::Params& params) {
  return params["D"] % 4 == 0 ? plan_tiled<true>(params) : plan_tiled_blocking(params);
}

}  // namespace aisp::labs::ch10::flash_attention
