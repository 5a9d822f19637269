// One question to one GPU: the value where NVML answers, a noted reason where it does not.
#pragma once

#include <string>
#include <vector>

#include "machine/facts.h"
#include "machine/gpu_refusals.h"
#include "machine/nvml.h"

namespace aisp::machine {

class GpuQuery {
 public:
  /// `refusals` may be null: then nothing is noted.
  GpuQuery(const Nvml& nvml, NvmlDevice device, int index, GpuRefusals* refusals)
      : nvml_(nvml), device_(device), index_(index), refusals_(refusals) {}

  const Nvml& nvml() const { return nvml_; }
  NvmlDevice device() const { return device_; }

  /// True when the function answered. `value` names what is asked for.
  template <class... Arguments>
  bool ask(const char* value, const char* function, Arguments... arguments) const {
    return answered(value, nvml_.call(function, device_, arguments...));
  }
  /// A function whose last parameter points to an unsigned int.
  template <class... Arguments>
  Maybe<int> whole(const char* value, const char* function, Arguments... arguments) const {
    unsigned answer = 0;
    if (!ask(value, function, arguments..., &answer)) return std::nullopt;
    return answer <= 0x7fffffffu ? Maybe<int>(static_cast<int>(answer)) : std::nullopt;
  }
  /// A text of at most 95 bytes.
  std::string text(const char* value, const char* function) const;
  Maybe<int> field(const char* value, unsigned number) const;
  /// Notes why `status` is no answer.
  bool answered(const char* value, int status) const;

 private:
  const Nvml& nvml_;
  NvmlDevice device_;
  int index_;
  GpuRefusals* refusals_;
};

/// The parts of a GPU; each leaves absent what is not answered.
void read_gpu_identity(const GpuQuery& query, Gpu& gpu);
void read_gpu_changing(const GpuQuery& query, Gpu& gpu);
void read_gpu_settings(const GpuQuery& query, Gpu& gpu);
void read_gpu_health(const GpuQuery& query, Gpu& gpu);
void read_gpu_links(const GpuQuery& query, Gpu& gpu);  // PCIe, NVLink, fabric
void read_gpu_processes(const GpuQuery& query, Gpu& gpu);

}  // namespace aisp::machine
