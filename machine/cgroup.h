// Limits that a container or service manager put on this process. A container sees all cores of its
// host in /proc; only its control group says that it may use two of them.
// Source: Linux admin guide, cgroup-v2 (cpu.max, memory.max) and cgroup-v1 (cpu.cfs_quota_us).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace aisp::machine {

struct CgroupLimits {
  double cpus = 0.0;             // CPU seconds per second; 0: no limit
  std::size_t memory_bytes = 0;  // 0: no limit
};

/// Folders of this process's group and those above it, up to the mount point, in the hierarchy of a
/// controller of version 1 ("cpu") or, for "", of version 2. Empty where it is not mounted.
std::vector<std::string> cgroup_folders(const std::string& controller,
                                        const std::string& root = "");

/// The tightest limits on the way from this process's group up to the root, version 1 or 2.
/// `root` prefixes every path, for tests. Never throws: unreadable means no limit.
CgroupLimits read_cgroup_limits(const std::string& root = "");

}  // namespace aisp::machine
