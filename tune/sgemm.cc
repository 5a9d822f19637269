// The points of sgemm.cu.
#include <iterator>

#include "tune/points.h"

namespace aisp::tune {

Tunable sgemm() {
  Tunable kernel{.name = "sgemm",
                 .summary = "product in f32 by tiles: shared memory and registers",
                 .lab = "ch06:autotuning",
                 .case_name = "llama32_1b_prompt_gpu"};
  for (int index = 0; index < static_cast<int>(std::size(kSgemmTiles)); ++index) {
    const SgemmTile& tile = kSgemmTiles[index];
    Point point{.knobs = {{"rows", tile.rows},
                          {"columns", tile.columns},
                          {"depth", tile.depth},
                          {"sums_a_thread", tile.rows_each * tile.columns_each}}};
    point.plan = with(AISP_DEVICE(plan_sgemm), index);
    point.occupancy = with(AISP_DEVICE(occupancy_sgemm), index);
    kernel.points.push_back(std::move(point));
  }
  return kernel;  // shipped: the first, the tile that every tutorial ends with
}

}  // namespace aisp::tune
