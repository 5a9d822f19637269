// Control groups of the subject, version 1 and 2, as evidence: which folders it is in, and the
// limits that hold for it. A container sees all processors of its host in /proc; only its control
// groups say that it may use two of them. Limits of every ancestor count.
//
// (machine/cgroup.h answers the same question for this process alone, without a recorded tree.)
// Source: Linux admin-guide/cgroup-v2 and admin-guide/cgroup-v1; cgroups(7), cgroup_namespaces(7).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

/// Folders of the subject's groups, own group first, then its ancestors up to the mount: of version
/// 2 (controller ""), or of one controller of version 1 ("cpu", "memory", "cpuset"). Empty: none.
std::vector<std::string> cgroup_folders(const Evidence& evidence, const std::string& controller);
/// Of version 2 and of every controller of version 1 that has counters or limits; no folder twice.
std::vector<std::string> cgroup_folders(const Evidence& evidence);

/// A limit, and the file that sets it.
struct CpuQuota {
  double cpus = 0.0;  // processor seconds per second
  std::string file, text;
};
struct MemoryLimit {
  std::uint64_t bytes = 0;
  std::string file, folder;  // of the group that sets it
};
/// The tightest on the way up; nothing when no group limits it.
std::optional<CpuQuota> cpu_quota(const Evidence& evidence);
std::optional<MemoryLimit> memory_limit(const Evidence& evidence);

/// Processors that the cpuset of the subject's group leaves it; nothing when none is set.
std::optional<std::set<int>> cgroup_cpus(const Evidence& evidence);

}  // namespace aisp::doctor
