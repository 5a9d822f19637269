// Measured costs: what this machine takes for the things that are neither arithmetic nor streams of
// bytes: loads that wait for each other, lines that move between cores, pages, system calls,
// threads, disks, the loopback network. How each is measured stands beside its loop and in
// docs/MACHINE.md. Only `aisp machine` measures them; `aisp bench` never waits for them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "machine/cost.h"
#include "machine/cpu.h"

namespace aisp::machine {

/// One line that two cores write in turns: half of a round trip. Unit: ns.
struct CorePair {
  int a = 0, b = 0;  // the system's numbers of hardware threads, a before b
  Interval ns;
};

struct Costs {
  int cores = 0;            // usable when measured
  double load1 = 0.0;       // load average when the measuring began
  double seconds = 0.0;     // that measuring took
  std::string disk_folder;  // where the temporary file lay
  // Names are "group/row": "load latency/L2", "disk/read random, direct, depth 8". Of "ns" and "us"
  // less is better, of "GB/s" and "operations/s" more.
  std::vector<Cost> costs;
  std::vector<CorePair> core_pairs;
  std::vector<NotMeasured> missing;

  bool empty() const { return costs.empty() && missing.empty(); }
  /// The cost of that name, or nullptr.
  const Cost* find(std::string_view name) const;
};

struct CostOptions {
  double seconds = 10.0;    // total budget; setting up takes about 2 s of it and is not shortened
  std::string disk_folder;  // empty: $TMPDIR, else /tmp or /var/tmp, whichever is on a disk
  std::size_t disk_limit_bytes = std::size_t{1} << 30;  // of the temporary file
  void (*progress)(double fraction, const std::string& now) = nullptr;
};

/// Measures now. Uses at most an eighth of the memory; the temporary file has no name, so that
/// nothing stays behind however the process ends. Leaves no threads and no descriptors, and the
/// caller's affinity as it was. What is refused or missing becomes a NotMeasured, never an Error.
Costs measure_costs(const Cpu& cpu, const CostOptions& options);

/// From the cache of this hardware key (ceilings_cache_path(), a section of its own), measured and
/// stored when absent, of another number of cores or of another folder than options.disk_folder
/// names, or `refresh`. The rules of load_or_measure_ceilings() hold.
Costs load_or_measure_costs(const Cpu& cpu, const CostOptions& options, bool refresh = false);

/// JSON and back; throws Error on what is malformed.
nlohmann::ordered_json to_json(const Costs& costs);
Costs costs_from_json(const nlohmann::ordered_json& json);

}  // namespace aisp::machine
