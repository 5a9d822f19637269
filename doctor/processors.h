// Processors as the kernel shows them: which are online, which the subject may use, how they group
// into cores and NUMA nodes.
//
// Source: Linux Documentation/ABI/stable/sysfs-devices-system-cpu and sysfs-devices-node; proc(5).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "doctor/evidence.h"
#include "doctor/finding.h"

namespace aisp::doctor {

/// Empty when nothing tells.
std::set<int> online_cpus(const Evidence& evidence);

/// What the subject may run on: its mask, then its control groups' quota.
struct UsableCpus {
  std::set<int> allowed;          // by its affinity mask (cpusets are part of it)
  double count = 0.0;             // allowed.size(), or the quota where that is less; 0: unknown
  std::optional<double> quota;    // processor seconds per second
  std::vector<Reading> evidence;  // where mask and quota were read
};
UsableCpus usable_cpus(const Evidence& evidence);

/// Processors by node. Empty: the kernel shows no nodes.
std::map<int, std::set<int>> numa_nodes(const Evidence& evidence);

/// Physical cores among `cpus`, each as its lowest sibling. A processor whose siblings cannot be
/// read counts as a core.
std::set<int> physical_cores(const Evidence& evidence, const std::set<int>& cpus);

}  // namespace aisp::doctor
