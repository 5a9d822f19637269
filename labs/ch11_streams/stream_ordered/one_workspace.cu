// No allocation in the loop: the plan keeps memory for the largest step. What libraries ask callers
// for (a workspace), where sizes are known beforehand.
#include <algorithm>

#include "labs/ch11_streams/stream_ordered/step_kernels.cuh"
#include "machine/device.h"

namespace aisp::labs::ch11::stream_ordered {

std::unique_ptr<bench::Plan> plan_one_workspace(const bench::Params& params) {
  std::size_t most = 0;
  for (const Step& step : steps_of(params)) most = std::max(most, bytes_of(step));
  return bench::plan_of(
      [steps = steps_of(params), workspace = machine::DeviceArray(most)](const bench::Io& io) {
        for (const Step& step : steps) run_step(io, step, workspace.as<float>());
      });
}

}  // namespace aisp::labs::ch11::stream_ordered
