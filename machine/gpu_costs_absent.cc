// A build without CUDA: no figures, and the reason. See gpu_costs.h.
#include "machine/gpu_costs.h"

namespace aisp::machine {

std::vector<GpuCosts> measure_gpu_costs(const GpuCostOptions&) {
  return {{"", {}, {{"GPU", "this program was built without CUDA"}}}};
}

}  // namespace aisp::machine
