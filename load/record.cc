// See record.h.
#include "load/record.h"

#include <algorithm>
#include <cmath>

#include "bench/json_interval.h"

namespace aisp::load {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSpans = 120;
constexpr int kQuantiles = 100;

Json quantiles_of(std::vector<double> values) {
  Json list = Json::array();
  if (values.empty()) return list;
  std::ranges::sort(values);
  for (int i = 0; i <= kQuantiles; ++i) {
    const auto at = static_cast<std::size_t>(
        std::lround(static_cast<double>(values.size() - 1) * i / kQuantiles));
    list.push_back(values[at]);
  }
  return list;
}

struct Span {
  std::vector<double> ttft, itl;
  int due = 0, failed = 0, good = 0;
};

double or_zero(const std::vector<double>& values, double q) {
  return values.empty() ? 0.0 : quantile(values, q);
}

}  // namespace

Json to_json(const Percentiles& percentiles) {
  return {{"count", percentiles.count},
          {"p50", bench::interval_to_json(percentiles.p50)},
          {"p90", bench::interval_to_json(percentiles.p90)},
          {"p99", bench::interval_to_json(percentiles.p99)},
          {"mean", percentiles.mean},
          {"max", percentiles.worst}};
}

Json to_json(const Summary& summary, const SummaryRules& rules) {
  Json outcomes = Json::object();
  for (int i = 0; i < kOutcomes; ++i) {
    const std::int64_t count = summary.outcomes[static_cast<std::size_t>(i)];
    if (count > 0) outcomes[name_of(static_cast<Outcome>(i))] = count;
  }
  Json json = {{"requests", summary.requests},
               {"outcomes", outcomes},
               {"with_retry_after", summary.with_retry_after},
               {"without_usage", summary.without_usage},
               {"text_arrivals", summary.arrivals},
               {"prompt_tokens", summary.prompt_tokens},
               {"answer_tokens", summary.answer_tokens},
               {"cached_tokens", summary.cached_tokens < 0 ? Json() : Json(summary.cached_tokens)},
               {"window_s", summary.window_s},
               {"offered_per_s", summary.offered_per_s},
               {"answered_per_s", summary.answered_per_s},
               {"answer_tokens_per_s", summary.tokens_per_s},
               {"most_open", summary.most_open},
               {"ttft_s", to_json(summary.ttft)},
               {"tpot_s", to_json(summary.tpot)},
               {"itl_s", to_json(summary.itl)},
               {"e2e_s", to_json(summary.e2e)},
               {"late_s", to_json(summary.late)},
               {"refusal_s", to_json(summary.refusal)}};
  json["slo"] = {{"ttft_s", bench::number_to_json(rules.slo.ttft_s)},
                 {"tpot_s", bench::number_to_json(rules.slo.tpot_s)},
                 {"itl_s", bench::number_to_json(rules.slo.itl_s)}};
  json["level"] = rules.level;
  json["good_share"] = bench::interval_to_json(summary.good_share);
  json["good_effective_trials"] = summary.good_trials;
  json["goodput_per_s"] = summary.good_per_s;
  json["steady"] = summary.steady;
  json["late_limit_s"] = rules.late_limit_s;
  json["on_time"] = summary.on_time;
  json["interrupted"] = summary.interrupted;
  return json;
}

Json series_of(const DriveResult& result, const SummaryRules& rules) {
  double end_s = 1e-9;
  for (const Sample& sample : result.samples) end_s = std::max(end_s, sample.due_s);
  const double width_s = end_s / kSpans;
  std::vector<Span> spans(kSpans);
  std::vector<double> ttft, tpot, itl, e2e;
  for (const Sample& sample : result.samples) {
    if (sample.outcome == Outcome::kCut) continue;
    Span& span = spans[static_cast<std::size_t>(
        std::clamp(std::floor(sample.due_s / width_s), 0.0, kSpans - 1.0))];
    ++span.due;
    span.failed += !sample.answered();
    span.good += is_good(sample, rules.slo);
    if (sample.answered()) span.ttft.push_back(sample.ttft_s());
    span.itl.insert(span.itl.end(), sample.gaps_s.begin(), sample.gaps_s.end());
    if (!sample.measured) continue;
    itl.insert(itl.end(), sample.gaps_s.begin(), sample.gaps_s.end());
    if (!sample.answered()) continue;
    ttft.push_back(sample.ttft_s());
    e2e.push_back(sample.e2e_s());
    if (sample.tpot_s() >= 0.0) tpot.push_back(sample.tpot_s());
  }
  Json list = Json::array();
  for (int i = 0; i < kSpans; ++i) {
    const Span& span = spans[static_cast<std::size_t>(i)];
    if (span.due == 0) continue;
    list.push_back({{"at_s", (i + 0.5) * width_s},
                    {"due", span.due},
                    {"failed", span.failed},
                    {"good", span.good},
                    {"ttft_p50", or_zero(span.ttft, 0.5)},
                    {"ttft_p99", or_zero(span.ttft, 0.99)},
                    {"itl_p50", or_zero(span.itl, 0.5)},
                    {"itl_p99", or_zero(span.itl, 0.99)}});
  }
  return {{"window", {result.warmup_s, result.warmup_s + result.window_s}},
          {"spans", list},
          {"ttft_s", quantiles_of(std::move(ttft))},
          {"tpot_s", quantiles_of(std::move(tpot))},
          {"itl_s", quantiles_of(std::move(itl))},
          {"e2e_s", quantiles_of(std::move(e2e))}};
}

}  // namespace aisp::load
