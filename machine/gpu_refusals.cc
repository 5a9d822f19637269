// Reasons for what GPUs do not tell. See gpu_refusals.h.
#include "machine/gpu_refusals.h"

#include <fmt/format.h>

namespace aisp::machine {

void GpuRefusals::add(int gpu, const std::string& what, const std::string& why,
                      bool root_would_see) {
  Reason& reason = reasons_[why];
  reason.gpus_of_value[what].insert(gpu);
  reason.root_would_see |= root_would_see;
}

std::vector<Facts::Unseen> GpuRefusals::gathered() const {
  std::vector<Facts::Unseen> unseen;
  for (const auto& [why, reason] : reasons_) {
    std::map<std::set<int>, std::vector<std::string>> values_of_gpus;
    for (const auto& [value, gpus] : reason.gpus_of_value) values_of_gpus[gpus].push_back(value);
    for (const auto& [gpus, values] : values_of_gpus) {
      unseen.push_back({fmt::format("GPU{} {}: {}", gpus.size() == 1 ? "" : "s",
                                    fmt::join(gpus, ", "), fmt::join(values, ", ")),
                        why, reason.root_would_see ? "these values" : ""});
    }
  }
  return unseen;
}

}  // namespace aisp::machine
