// The state of the machine that a result depends on, and the hardware key that says which results
// may be compared. What cannot be read is absent from the map, never guessed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "machine/cpu.h"

namespace aisp::machine {

/// Stable across reboots and kernels, different for different hardware: vendor, family/model/
/// stepping, brand, core counts, cache sizes, instruction sets, memory rounded to GiB and the share
/// that a control group leaves, hashed: "amd-epyc-25.17-2c-24g-1a2b3c4d". The affinity of this
/// process does not enter. Only [a-z0-9.-], at most 80 characters: usable as a file name.
std::string hardware_key(const Cpu& cpu);

/// Ordered name/value pairs: kernel, distribution, governor, turbo, THP, swap, ASLR, NUMA
/// balancing, clock source, hypervisor, cgroup quota and memory limit, load average, steal share,
/// PSI, affinity, microcode, memory speed where readable; "env.NAME" for variables that steer
/// numeric libraries (OMP_*, KMP_*, MKL_*, OPENBLAS_*, CUDA_*, ...). `root` prefixes every path,
/// for tests. About 1 ms.
using Environment = std::vector<std::pair<std::string, std::string>>;
Environment read_environment(const std::string& root = "");

/// Cumulative counters for contention labels; take two and subtract.
struct SystemLoad {
  double load1 = 0.0;            // /proc/loadavg, 1 minute
  double steal_seconds = 0.0;    // /proc/stat
  double busy_seconds = 0.0;     // user + nice + system + irq + softirq + steal
  double idle_seconds = 0.0;     // idle + iowait
  double psi_cpu_some_us = 0.0;  // /proc/pressure/cpu, total; 0 when absent
};
SystemLoad read_system_load(const std::string& root = "");

}  // namespace aisp::machine
