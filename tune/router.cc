// The points of router.cu.
#include "tune/points.h"

namespace aisp::tune {

Tunable router() {
  Tunable kernel{.name = "router",
                 .summary = "softmax of 64 logits in one thread: many registers",
                 .lab = "ch06:launch_bounds",
                 .case_name = "olmoe_router"};
  for (const int threads : {64, 128, 256}) {
    for (const int blocks : {0, 512 / threads, 1024 / threads, 2048 / threads}) {
      // The lab's threads_only: 256 threads and no word about blocks.
      if (threads == 256 && blocks == 0) kernel.shipped = kernel.points.size();
      Point point{.knobs = {{"threads", threads}, {"least_blocks", blocks}}};
      point.plan = with(AISP_DEVICE(plan_router), threads, blocks);
      point.occupancy = with(AISP_DEVICE(occupancy_router), threads, blocks);
      kernel.points.push_back(std::move(point));
    }
  }
  return kernel;
}

}  // namespace aisp::tune
