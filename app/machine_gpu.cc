// See machine_gpu.h.
#include "app/machine_gpu.h"

#include <fmt/format.h>

#include <algorithm>

namespace aisp::app {

using machine::GpuCosts;

void print_gpu_costs(const std::vector<GpuCosts>& gpus) {
  for (const GpuCosts& gpu : gpus) {
    if (!gpu.gpu.empty()) fmt::print("\nGPU {}\n", gpu.gpu);
    std::size_t width = 0;
    for (const auto& cost : gpu.costs) width = std::max(width, cost.name.size());
    for (const auto& cost : gpu.costs) {
      fmt::print("  {:<{}}  {:>9.4g} [{:.4g}, {:.4g}] {}, best {:.4g}  ({})\n", cost.name, width,
                 cost.value.estimate, cost.value.low, cost.value.high, cost.unit, cost.best,
                 cost.detail);
    }
    for (const auto& one : gpu.missing) {
      fmt::print("  not measured: {}: {}\n", one.name, one.why);
    }
  }
}

}  // namespace aisp::app
