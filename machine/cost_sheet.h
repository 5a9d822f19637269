// The jobs of measure_costs(): every probe adds its loops or says why it cannot, then all loops
// take turns in a few rounds, so that a burst of other work spoils a part of each and the median of
// none.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "machine/costs.h"
#include "machine/crew.h"
#include "machine/epoch_sampler.h"

namespace aisp::machine {

/// Does `count` operations (at least one); Epoch::work is the number done, which may be less where
/// a buffer bounds it.
using CountedLoop = std::function<Epoch(std::int64_t count)>;

/// What a cost is called. `unit` of a time: "ns" or "us"; of a rate: "GB/s" or "operations/s".
struct CostLabel {
  std::string name, unit, detail;
};

class CostSheet {
 public:
  /// Time of one operation. `first` operations are tried first: few of them should take 0.1 ms.
  void add_time(CostLabel label, std::int64_t first, CountedLoop loop,
                double epoch_seconds = kEpochSeconds);
  /// Rate of the quickest of `loops`, whose work is bytes (unit "GB/s").
  void add_bytes(CostLabel label, std::vector<EpochLoop> loops,
                 double epoch_seconds = kEpochSeconds);
  /// The same for a loop over blocks of that size.
  void add_blocks(CostLabel label, double block_bytes, std::int64_t first, CountedLoop loop,
                  double epoch_seconds);
  /// Rate of operations (unit "operations/s").
  void add_operations(CostLabel label, std::int64_t first, CountedLoop loop, double epoch_seconds);
  void add_missing(std::string name, std::string why);

  /// Shares `seconds` among all jobs, in rounds; `between` runs before each round. A job that fails
  /// on the way becomes absent, with what it threw.
  void measure(double seconds, const CostOptions& options, const std::function<void(int)>& between);
  /// Moves what was found into `costs`, in the order of adding.
  void store(Costs& costs) const;

  static constexpr double kEpochSeconds = 1e-3;
  static constexpr int kRounds = 3;

 private:
  struct Job {
    CostLabel label;
    EpochSampler sampler;
    bool time = true;    // else a rate
    double scale = 1.0;  // value = scale / rate of the sampler, or scale * rate
    double epoch_seconds = kEpochSeconds;
    std::string failure;
  };
  std::vector<Job> jobs_;
  std::vector<NotMeasured> missing_;
};

/// Everything a probe needs. `crew` has the caller as worker 0, on the first usable core.
struct CostProbe {
  const Cpu& cpu;
  const CostOptions& options;
  Crew& crew;
  CostSheet& sheet;
};

// The probes. What they make lives as long as the sheet's loops, which hold it.
void add_load_latencies(const CostProbe& probe);
void add_page_costs(const CostProbe& probe);
void add_memory_bandwidth(const CostProbe& probe);
void add_numa_costs(const CostProbe& probe);
void add_system_costs(const CostProbe& probe);
void add_thread_costs(const CostProbe& probe);
void add_network_costs(const CostProbe& probe);
/// Returns the folder of the temporary file.
std::string add_disk_costs(const CostProbe& probe);

}  // namespace aisp::machine
