// The GPUs' figures kept from one run to the next, like the processor's ceilings.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "machine/facts.h"
#include "machine/gpu_costs.h"

namespace aisp::machine {

nlohmann::ordered_json to_json(const std::vector<GpuCosts>& gpus);
/// Throws Error on wrong types.
std::vector<GpuCosts> gpu_costs_from_json(const nlohmann::ordered_json& json);

/// What a cached figure is for: every GPU's identity and memory, and the driver. Empty: no GPU.
std::string gpu_costs_key(const Facts& facts);

/// From <folder>/gpu-ceilings.json when it is of this key, else `measure()`, stored atomically.
/// Nothing is stored without a key or a figure; a folder that cannot be written is not an error;
/// an empty `folder` never stores. `refresh` measures again.
std::vector<GpuCosts> load_or_measure_gpu_costs(const std::string& folder, const std::string& key,
                                                bool refresh, std::vector<GpuCosts> (*measure)());

}  // namespace aisp::machine
