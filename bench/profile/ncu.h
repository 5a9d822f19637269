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
/// passes over each kernel. kDeepDive: ncu's full set and the stall reasons: about fifty.
enum class CounterLevel { kNone, kMinimal, kDeepDive };
const char* name(CounterLevel level);

/// What --profile means for counters: only "minimal" and "deep_dive" read any.
CounterLevel counter_level(const std::string& profile);

/// Launches of one call that are counted, at most.
int most_launches(CounterLevel level);

/// The counters that a level asks for by name.
std::vector<std::string> counter_names(CounterLevel level);

/// The arguments of ncu that count one call of the worker's technique, into the file `log`.
std::vector<std::string> ncu_arguments(CounterLevel level, CacheMode cache, const std::string& log);

class CounterReader {
 public:
  CounterReader(CounterLevel level, double time_limit_s)
      : level_(level), time_limit_s_(time_limit_s) {}

  /// Counts one call of the job's only technique. Whatever is in the way becomes why_not: no ncu,
  /// no permission, a crash, no end within the limit, output that is no table. The first two hold
  /// for everybody: they are found once.
  CounterProfile read(const Job& job);

 private:
  CounterProfile run(const Job& job, const std::string& folder);

  CounterLevel level_;
  double time_limit_s_;
  bool asked_ = false;
  std::string tool_, version_, hopeless_;
};

}  // namespace aisp::bench
