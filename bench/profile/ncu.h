// Hardware counters by Nsight Compute (ncu), where it is installed and may read them: one call of a
// technique in a process of its own (one_call.h), after everything was timed. Nothing about the
// card is changed: its clocks stay as they are.
//
// Source: Nsight Compute CLI documentation 2025.3; developer.nvidia.com/ERR_NVGPUCTRPERM.
#pragma once

#include <string>
#include <vector>

#include "bench/counters.h"
#include "bench/job.h"

namespace aisp::bench {

/// How much is counted. kMinimal: bytes, sectors, bank conflicts, occupancy, tensor pipe: about ten
/// passes over each kernel. kDeepDive: ncu's full set, about fifty passes. The record keeps the
/// counters of counter_names(); all of the full set is in a report for ncu's own window.
enum class CounterLevel { kNone, kMinimal, kDeepDive };
const char* name(CounterLevel level);

/// What --profile means for counters: only "minimal" and "deep_dive" read any.
CounterLevel counter_level(const std::string& profile);

/// Launches of one call that are counted, at most.
int most_launches(CounterLevel level);

/// The counters that a level asks for by name.
std::vector<std::string> counter_names(CounterLevel level);

/// The arguments of ncu that count one call of the worker's technique, into the file `log`;
/// kDeepDive also into `report`.ncu-rep unless empty.
std::vector<std::string> ncu_arguments(CounterLevel level, CacheMode cache, const std::string& log,
                                       const std::string& report);

class CounterReader {
 public:
  /// `reports`: a folder for ncu's own reports of deep dives, made when needed; "": none are kept.
  CounterReader(CounterLevel level, double time_limit_s, std::string reports = "")
      : level_(level), time_limit_s_(time_limit_s), reports_(std::move(reports)) {}

  /// Counts one call of the job's only technique. Whatever is in the way becomes why_not: no ncu,
  /// no permission, a crash, no end within the limit, output that is no table. The first two hold
  /// for everybody: they are found once.
  CounterProfile read(const Job& job);

 private:
  CounterProfile run(const Job& job, const std::string& folder);
  std::string report_of(const Job& job) const;

  CounterLevel level_;
  double time_limit_s_;
  bool asked_ = false;
  std::string reports_, tool_, version_, hopeless_;
};

}  // namespace aisp::bench
