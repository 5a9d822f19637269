// Counters of the kernel, read twice with a while between: what the measures of a running system
// rest on. Pure functions turn the two texts into figures.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

struct Window {
  double seconds = 0.0;
  std::map<std::string, std::string> before, after;  // path -> text; absent files are left out

  /// Growth of "name value" in /proc/vmstat, /proc/PID/io and their like; 0 when absent.
  double growth(const std::string& path, const std::string& key) const;
};

/// Reads, sleeps, reads again.
Window watch(const Evidence& evidence, const std::vector<std::string>& paths, double seconds);

/// Seconds each processor spent between the two /proc/stat texts, by use.
struct CpuUse {
  int cpu = -1;  // -1: all together
  double busy = 0.0, idle = 0.0, iowait = 0.0, irq = 0.0, softirq = 0.0, steal = 0.0;
  double share() const { return busy + idle > 0 ? busy / (busy + idle) : 0.0; }
};
/// `busy` holds all but idle and iowait; `idle` holds both.
std::vector<CpuUse> cpu_use(const std::string& before, const std::string& after);

/// CPU seconds of a thread or process from its stat line (fields 14 and 15); 0 when malformed.
double cpu_seconds_of_stat(const std::string& stat);
/// The name between parentheses in a stat line.
std::string name_of_stat(const std::string& stat);

/// One disk over the window, from /proc/diskstats.
struct DiskUse {
  std::string name;
  double read_mb_per_s = 0.0, write_mb_per_s = 0.0, busy_share = 0.0, queue = 0.0;
};
std::vector<DiskUse> disk_use(const std::string& before, const std::string& after, double seconds);

/// Processes below `pid`, and itself, at most 512.
std::vector<int> family(const Evidence& evidence, int pid);

}  // namespace aisp::doctor
