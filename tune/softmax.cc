// The points of softmax.cu.
#include "tune/points.h"

namespace aisp::tune {

Tunable softmax() {
  Tunable kernel{.name = "softmax",
                 .summary = "softmax of rows of 512, f32, a row in registers: kernels/softmax_cuda",
                 .lab = "ch09:online_softmax",
                 .case_name = "gpu_bert_scores"};
  const auto add = [&](int packs, int rows) {
    Point point{.knobs = {{"packs_a_thread", packs}, {"rows_a_block", rows}}};
    point.plan = with(AISP_DEVICE(plan_softmax), packs, rows);
    point.occupancy = with(AISP_DEVICE(occupancy_softmax), packs, rows);
    kernel.points.push_back(std::move(point));
  };
  // A row of a warp's may share its block with others; wider rows have a block of their own.
  add(1, 1);
  add(2, 1);
  for (const int packs : {4, 8}) {
    for (const int rows : {1, 2, 4, 8, 16}) {
      // What choose_softmax_cut() takes for these rows.
      if (packs == 4 && rows == 8) kernel.shipped = kernel.points.size();
      add(packs, rows);
    }
  }
  return kernel;
}

}  // namespace aisp::tune
