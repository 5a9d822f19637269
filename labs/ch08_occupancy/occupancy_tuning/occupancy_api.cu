// The block size that the occupancy API proposes: the largest that keeps every multiprocessor full.
// It counts threads, not bytes in flight, and knows nothing of tails.
// Source: CUDA Runtime API 13.0, cudaOccupancyMaxPotentialBlockSize.
#include "labs/ch08_occupancy/occupancy_tuning/problem.h"

namespace aisp::labs::ch08::occupancy_tuning {

std::unique_ptr<bench::Plan> plan_occupancy_api(const bench::Params& params) {
  return plan_blocks(params, block_of_occupancy_api());
}

}  // namespace aisp::labs::ch08::occupancy_tuning
