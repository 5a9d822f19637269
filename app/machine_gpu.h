// The part of `aisp machine` that shows what the GPUs can do at most.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "machine/gpu_costs.h"

namespace aisp::app {

/// One table for each GPU, and what could not be measured.
void print_gpu_costs(const std::vector<machine::GpuCosts>& gpus);

nlohmann::ordered_json to_json(const std::vector<machine::GpuCosts>& gpus);

}  // namespace aisp::app
