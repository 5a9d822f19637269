// Reads GPUs through NVML into plain data: all of a GPU once, or only what changes, again and
// again.
#pragma once

#include <memory>
#include <vector>

#include "machine/facts.h"
#include "machine/gpu_refusals.h"
#include "machine/nvml.h"

namespace aisp::machine {

class GpuReader {
 public:
  /// Empty `library`: what nvml_library_name() says.
  explicit GpuReader(const std::string& library = "");

  /// Empty when GPUs can be read.
  const std::string& why_not() const { return why_not_; }
  int count() const { return static_cast<int>(devices_.size()); }
  std::string driver_version() const;
  std::string cuda_version() const;  // that the driver supports: "13.0"

  /// Everything that NVML knows. Milliseconds each.
  std::vector<Gpu> read_all(GpuRefusals& refusals) const;
  /// Clocks, power, temperatures, use, memory, throttling: what a watcher repeats. Index, name and
  /// address are set too; everything else stays absent.
  std::vector<Gpu> read_changing() const;
  /// How the GPUs reach each other: a row for each pair.
  std::vector<GpuPair> read_pairs(GpuRefusals& refusals) const;

 private:
  struct Device {  // kept also where it does not answer, so that indexes stay NVML's
    NvmlDevice handle = nullptr;
    int status = kNvmlSuccess;
  };
  std::unique_ptr<Nvml> nvml_;
  std::vector<Device> devices_;
  std::string why_not_;
};

}  // namespace aisp::machine
