// Batches dealt to eight streams: eight launches of 16 blocks share 132 multiprocessors.
#include "labs/ch11_streams/warp_specialized_multistream/roles.cuh"

namespace aisp::labs::ch11::warp_specialized_multistream {

std::unique_ptr<bench::Plan> plan_many_streams(const bench::Params& params) {
  return plan_batches<1>(params, 8);
}

}  // namespace aisp::labs::ch11::warp_specialized_multistream
