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

nlohmann::ordered_json to_json(const std::vector<GpuCosts>& gpus) {
  auto list = nlohmann::ordered_json::array();
  for (const GpuCosts& gpu : gpus) {
    nlohmann::ordered_json entry = {{"gpu", gpu.gpu}};
    entry["costs"] = nlohmann::ordered_json::array();
    for (const auto& cost : gpu.costs) {
      entry["costs"].push_back({{"name", cost.name},
                                {"unit", cost.unit},
                                {"median", cost.value.estimate},
                                {"low", cost.value.low},
                                {"high", cost.value.high},
                                {"best", cost.best},
                                {"detail", cost.detail}});
    }
    for (const auto& one : gpu.missing) {
      entry["not_measured"].push_back({{"name", one.name}, {"why", one.why}});
    }
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace aisp::app
