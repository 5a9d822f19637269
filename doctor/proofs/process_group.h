// A control group for one child process: a processor quota or a memory limit that ends with it.
// Source: Linux admin guide, cgroup-v2 and cgroup-v1 (cpu.cfs_quota_us, memory.limit_in_bytes).
#pragma once

#include <string>

namespace aisp::doctor {

class ProcessGroup {
 public:
  /// cpus or memory_bytes of 0: no such limit. Throws Error when no group can be made here.
  ProcessGroup(double cpus, double memory_bytes);
  ~ProcessGroup();  // removes the group; its processes must have ended
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

/// Why no group with such a limit can be made here; "": it can. Makes one and removes it.
std::string why_no_quota();
std::string why_no_memory_limit();

}  // namespace aisp::doctor
