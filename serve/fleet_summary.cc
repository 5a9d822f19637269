// See fleet_summary.h.
#include "serve/fleet_summary.h"

#include <algorithm>
#include <functional>

#include "serve/replay.h"

namespace aisp::serve {

namespace {

// Misses of this share make a window a bad one.
constexpr double kBadShare = 0.1;

double gap_s(const FleetRequest& request) {
  return (request.end_s - request.first_token_s) / std::max(1, request.output_tokens - 1);
}

// `counts` says which requests a window is judged by, `hits` which of them met the goal.
std::optional<double> settles(const FleetResult& result, const FleetGoals& goals,
                              const std::function<bool(const FleetRequest&)>& counts,
                              const std::function<bool(const FleetRequest&)>& hits) {
  double settled_s = 0.0;
  bool last_bad = false;
  std::size_t i = 0;
  const auto& requests = result.requests;
  while (i < requests.size() && requests[i].arrival_s < goals.change_s) ++i;
  for (double end_s = goals.change_s + goals.window_s; i < requests.size();
       end_s += goals.window_s) {
    std::int64_t counted = 0, missed = 0;
    for (; i < requests.size() && requests[i].arrival_s < end_s; ++i) {
      if (!counts(requests[i])) continue;
      ++counted;
      missed += !hits(requests[i]);
    }
    if (counted == 0) continue;
    last_bad =
        static_cast<double>(missed) >= kBadShare * static_cast<double>(counted) && missed > 0;
    if (last_bad) settled_s = end_s - goals.change_s;
  }
  if (last_bad) return std::nullopt;
  return settled_s;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  return {quantile(values, 0.5), quantile(values, 0.9), quantile(values, 0.99),
          quantile(values, 1.0)};
}

bool in_time(const FleetRequest& request, const FleetGoals& goals) {
  return request.first_token_s - request.arrival_s <= goals.ttft_s;
}

bool even(const FleetRequest& request, const FleetGoals& goals) {
  return request.output_tokens < 2 || gap_s(request) <= goals.tpot_s;
}

FleetSummary summarize(const FleetResult& result, const FleetGoals& goals) {
  FleetSummary summary;
  std::vector<double> ttft, tpot;
  double prompt = 0.0, cached = 0.0;
  for (const FleetRequest& request : result.requests) {
    ++summary.requests;
    summary.refused += request.outcome == Outcome::kRefused;
    summary.late += request.outcome == Outcome::kLate;
    summary.too_long += request.outcome == Outcome::kTooLong;
    summary.wrongly_taken += request.outcome == Outcome::kLate;
    if (request.outcome != Outcome::kAnswered) continue;
    ++summary.answered;
    summary.wrongly_taken += !in_time(request, goals);
    summary.good += in_time(request, goals) && even(request, goals);
    ttft.push_back(request.first_token_s - request.arrival_s);
    if (request.output_tokens > 1) tpot.push_back(gap_s(request));
    prompt += request.prompt_tokens;
    cached += request.cached_tokens;
  }
  summary.ttft = spread_of(std::move(ttft));
  summary.tpot = spread_of(std::move(tpot));
  summary.hit_share = cached / std::max(1.0, prompt);
  const double span_s =
      result.requests.empty() ? 0.0 : std::max(1e-9, result.requests.back().arrival_s);
  if (span_s > 0) {
    summary.offered_per_s = static_cast<double>(summary.requests) / span_s;
    summary.goodput_per_s = static_cast<double>(summary.good) / span_s;
  }
  double busy = 0.0, most = 0.0;
  for (const double seconds : result.busy_s) {
    busy += seconds;
    most = std::max(most, seconds);
  }
  const double engines = std::max<double>(1.0, static_cast<double>(result.busy_s.size()));
  summary.busy_share = busy / engines / std::max(result.virtual_s, 1e-9);
  summary.balance = busy > 0 ? most * engines / busy : 1.0;
  if (goals.change_s >= 0) {
    const auto answered = [](const FleetRequest& r) { return r.outcome == Outcome::kAnswered; };
    summary.ttft_settles_s = settles(
        result, goals, [](const FleetRequest&) { return true; },
        [&](const FleetRequest& r) { return answered(r) && in_time(r, goals); });
    summary.tpot_settles_s =
        settles(result, goals, answered, [&](const FleetRequest& r) { return even(r, goals); });
  }
  return summary;
}

}  // namespace aisp::serve
