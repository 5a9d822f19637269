// From what became of each request to the figures of a run. Pure: the same samples give the same
// summary. What each figure is: docs/LOAD.md.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include "load/driver.h"
#include "load/statistics.h"

namespace aisp::load {

/// What a good answer keeps to; infinite: not limited.
struct Slo {
  double ttft_s = std::numeric_limits<double>::infinity();
  double tpot_s = std::numeric_limits<double>::infinity();
  double itl_s = std::numeric_limits<double>::infinity();  // the largest gap
  bool given() const;
};

/// "ttft=0.5,tpot=0.1,itl=0.5", seconds, each at most once. Throws UsageError.
Slo parse_slo(const std::string& text);

bool is_good(const Sample& sample, const Slo& slo);

struct SummaryRules {
  Slo slo;
  double level = 0.95;
  double late_limit_s = 0.010;
};

/// Of the measured requests.
struct Summary {
  std::int64_t requests = 0;
  std::array<std::int64_t, kOutcomes> outcomes{};
  std::int64_t with_retry_after = 0;  // of those refused with 429 or 503
  std::int64_t without_usage = 0;     // of the answered
  std::int64_t arrivals = 0;          // of text
  std::int64_t answer_tokens = 0, prompt_tokens = 0, cached_tokens = -1;
  Percentiles ttft, tpot, itl, e2e, late, refusal;  // seconds; refusal: to a 429 or 503
  double window_s = 0.0;
  double offered_per_s = 0.0, answered_per_s = 0.0, tokens_per_s = 0.0;
  Interval good_share;  // of all requests
  double good_trials = 0.0;
  double good_per_s = 0.0;  // goodput
  int most_open = 0;
  bool steady = true;   // see is_steady()
  bool on_time = true;  // lateness p99 within the limit: else there is no verdict
  bool interrupted = false;
  std::int64_t answered() const { return outcomes[0]; }
};

Summary summarize(const DriveResult& result, const SummaryRules& rules);

}  // namespace aisp::load
