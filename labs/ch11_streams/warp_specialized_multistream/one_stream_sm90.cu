// A launch of 16 blocks for each batch, one after another: most of the device rests.
#include "labs/ch11_streams/warp_specialized_multistream/roles.cuh"

namespace aisp::labs::ch11::warp_specialized_multistream {

std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params) {
  return plan_batches<1>(params, 1);
}

}  // namespace aisp::labs::ch11::warp_specialized_multistream
