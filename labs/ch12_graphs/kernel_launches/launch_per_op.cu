// A kernel launch for each operation of the step, in stream order: what eager frameworks do.
#include "labs/ch12_graphs/kernel_launches/step_kernels.cuh"

namespace aisp::labs::ch12::kernel_launches {

std::unique_ptr<bench::Plan> plan_launch_per_op(const bench::Params& params) {
  return bench::plan_of([params, ops = program(params)](const bench::Io& io) {
    const Step step(params, io);
    for (const Op& op : ops) enqueue(step, op, io.stream());
  });
}

}  // namespace aisp::labs::ch12::kernel_launches
