// See roofline_gpu.h.
#include "app/roofline_gpu.h"

#include <fmt/format.h>
#include <strings.h>

#include <cstdio>

#include "base/error.h"
#include "machine/gpu_costs_cache.h"

namespace aisp::app {
namespace {

constexpr const char* kWhere = "aisp tools roofline --device cuda";

}  // namespace

bench::DeviceCeilings gpu_ceilings_here() {
  const machine::CudaDevice& device = machine::cuda_device();
  if (!device.why_not.empty()) {
    throw Error(device.why_not, kWhere, "name a run that was recorded on a GPU with --run");
  }
  bench::DeviceCeilings ceilings = bench::load_device_ceilings(true);
  if (ceilings.empty()) {
    fmt::print(stderr, "no ceilings of this GPU are cached: measuring them, 2 s\n");
    ceilings = bench::load_device_ceilings(false);
  }
  if (ceilings.empty()) throw Error("its ceilings could not be measured", device.name, "");
  return ceilings;
}

bench::Json header_of_gpu(const bench::DeviceCeilings& ceilings) {
  const machine::CudaDevice& device = machine::cuda_device();
  return {{"hardware_key", bench::device_key(device)},
          {"device",
           {{"name", device.name},
            {"hardware_key", bench::device_key(device)},
            {"l2_bytes", ceilings.l2_bytes},
            {"ceilings", machine::to_json(std::vector{ceilings.costs})}}}};
}

Bound find_gpu_bound(const bench::DeviceCeilings& ceilings, const BoundQuestion& question) {
  const auto dtype = check_amounts(question);
  if (question.threads != 0) {
    throw UsageError("a GPU's bound is of the whole card", kWhere, "leave --threads out");
  }
  Bound bound;
  bound.on = machine::cuda_device().name;
  bound.gflop_per_s = ceilings.compute_gflop_per_s(dtype, false);
  if (!(bound.gflop_per_s > 0.0)) {
    throw UsageError(fmt::format("no ceiling was measured for {}", question.dtype), kWhere,
                     "see the types of `aisp tools roofline --device cuda`");
  }
  bound.compute_seconds = question.flops / bound.gflop_per_s / 1e9;
  for (const auto& [level, rate] : {std::pair{"device memory", ceilings.memory_gb_per_s(false)},
                                    std::pair{"host link", ceilings.link_gb_per_s(false, false)}}) {
    if (rate > 0.0) bound.levels.push_back({level, rate, question.bytes / rate / 1e9});
  }
  if (bound.levels.empty()) throw Error("no bandwidth was measured", kWhere, "aisp machine");
  for (std::size_t i = 0; i < bound.levels.size(); ++i) {
    if (strcasecmp(bound.levels[i].level.c_str(), question.level.c_str()) == 0) bound.chosen = i;
  }
  const std::string& chosen = bound.levels[bound.chosen].level;
  if (!question.level.empty() && strcasecmp(chosen.c_str(), question.level.c_str()) != 0) {
    throw UsageError(fmt::format("unknown level \"{}\"", question.level), kWhere,
                     "a GPU has \"device memory\" and \"host link\"");
  }
  bound.memory_bound = bound.levels[bound.chosen].seconds > bound.compute_seconds;
  return bound;
}

}  // namespace aisp::app
