// The part of `aisp machine` that shows what the GPUs can do at most.
#pragma once

#include <vector>

#include "machine/gpu_costs.h"

namespace aisp::app {

/// One table for each GPU, and what could not be measured.
void print_gpu_costs(const std::vector<machine::GpuCosts>& gpus);

}  // namespace aisp::app
