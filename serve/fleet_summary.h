// From what became of each request of a fleet to the figures of a run. Pure. All times are virtual.
#pragma once

#include <optional>

#include "serve/fleet.h"

namespace aisp::serve {

struct FleetGoals {
  double ttft_s = 2.0, tpot_s = 0.1;
  double change_s = -1.0;  // the load changed then: how long until the goals are met; < 0: never
  double window_s = 5.0;   // spans by which settling is judged
};

/// Seconds.
struct Spread {
  double p50 = 0.0, p90 = 0.0, p99 = 0.0, worst = 0.0;
};
Spread spread_of(std::vector<double> values);

struct FleetSummary {
  std::int64_t requests = 0, answered = 0, refused = 0, late = 0, too_long = 0;
  Spread ttft, tpot;  // of the answered; of those with more than one token
  /// Good: answered, both goals met. Goodput: a second of the time in which requests arrived.
  std::int64_t good = 0;
  double offered_per_s = 0.0, goodput_per_s = 0.0;
  /// Taken in, but the first token came too late or never.
  std::int64_t wrongly_taken = 0;
  double hit_share = 0.0;   // of the answered prompts' tokens, found in a cache
  double busy_share = 0.0;  // of the engines' time, mean
  double balance = 0.0;     // the busiest engine's time over the mean: 1 is level
  /// From the change until the end of the last window in which a tenth or more missed the goal; a
  /// refused request misses the first. Empty: not settled before the arrivals ended.
  std::optional<double> ttft_settles_s, tpot_settles_s;
};

/// One whose first token came in time, and one whose gaps (their mean) were short enough. Neither
/// says that it was answered.
bool in_time(const FleetRequest& request, const FleetGoals& goals);
bool even(const FleetRequest& request, const FleetGoals& goals);

FleetSummary summarize(const FleetResult& result, const FleetGoals& goals);

}  // namespace aisp::serve
