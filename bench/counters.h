// What a profiler counted while one call of a technique ran: hardware counters of each kernel that
// it launched, by the profiler's own names and in base units. Read in a process of its own, after
// and apart from all timing; part of the record (docs/record.schema.json, "profile").
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace aisp::bench {

/// One launch. `values`: "dram__bytes_read.sum" and the like; bytes, nanoseconds, percent, counts.
struct KernelCounters {
  std::string kernel;       // its name, without arguments
  std::string grid, block;  // "(4096, 1, 1)"
  std::map<std::string, double> values;

  /// NaN when it was not counted.
  double value(const std::string& name) const;
};

struct CounterProfile {
  std::string level;                    // "minimal" or "deep_dive"
  std::string tool;                     // "ncu 2025.3.1.0"; "": none was found
  std::string why_not;                  // one line; "" when there are kernels
  bool cut = false;                     // the call launched more kernels than were counted
  std::vector<KernelCounters> kernels;  // in the order of their launches
};

nlohmann::ordered_json to_json(const CounterProfile& profile);
CounterProfile profile_from_json(const nlohmann::ordered_json& json);

}  // namespace aisp::bench
