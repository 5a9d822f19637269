// All batches in one grid, two blocks a multiprocessor: what remains to gain where batches are
// known together.
#include "labs/ch11_streams/warp_specialized_multistream/roles.cuh"
#include "machine/device.h"

namespace aisp::labs::ch11::warp_specialized_multistream {

std::unique_ptr<bench::Plan> plan_one_launch(const bench::Params& params) {
  allow_shared<1>(params);
  const auto blocks = static_cast<unsigned>(2 * machine::cuda_device().multiprocessors);
  return bench::plan_of([params, blocks](const bench::Io& io) {
    launch_rows<1>(params, io, 0, params["batches"] * params["rows"], blocks, io.stream());
  });
}

}  // namespace aisp::labs::ch11::warp_specialized_multistream
