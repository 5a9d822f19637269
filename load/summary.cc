// See summary.h.
#include "load/summary.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/error.h"

namespace aisp::load {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Latencies of a run by kind, each at the time at which its request was due, gaps when they ended.
struct Latencies {
  std::vector<Seen> ttft, tpot, itl, e2e, late, refusal;
};

void add(Latencies& all, const Sample& sample) {
  all.late.push_back({sample.due_s, sample.late_s()});
  if (sample.outcome == Outcome::kTooManyRequests || sample.outcome == Outcome::kUnavailable) {
    all.refusal.push_back({sample.due_s, sample.end_s - sample.sent_s});
  }
  double at_s = sample.first_s;  // gaps of broken answers were felt as well
  for (const float gap : sample.gaps_s) {
    at_s += gap;
    all.itl.push_back({at_s, gap});
  }
  if (!sample.answered()) return;
  all.ttft.push_back({sample.due_s, sample.ttft_s()});
  all.e2e.push_back({sample.due_s, sample.e2e_s()});
  if (sample.tpot_s() >= 0.0) all.tpot.push_back({sample.due_s, sample.tpot_s()});
}

void count(Summary& summary, const Sample& sample) {
  ++summary.requests;
  ++summary.outcomes[static_cast<std::size_t>(sample.outcome)];
  summary.with_retry_after += sample.retry_after_s >= 0.0;
  if (sample.first_s >= 0.0) summary.arrivals += 1 + static_cast<int>(sample.gaps_s.size());
  if (!sample.answered()) return;
  summary.without_usage += !sample.usage;
  summary.answer_tokens += sample.answer_tokens;
  summary.prompt_tokens += sample.prompt_tokens;
  if (sample.cached_tokens >= 0) {
    summary.cached_tokens = std::max<std::int64_t>(0, summary.cached_tokens) + sample.cached_tokens;
  }
}

}  // namespace

bool Slo::given() const { return ttft_s < kInfinity || tpot_s < kInfinity || itl_s < kInfinity; }

Slo parse_slo(const std::string& text) {
  Slo slo;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    double* limit = name == "ttft"   ? &slo.ttft_s
                    : name == "tpot" ? &slo.tpot_s
                    : name == "itl"  ? &slo.itl_s
                                     : nullptr;
    double value = 0.0;
    const std::string_view number = equals == std::string_view::npos ? "" : part.substr(equals + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    const bool right =
        error == std::errc{} && end == number.data() + number.size() && value > 0.0 && value < 1e6;
    if (limit == nullptr || !right || *limit < kInfinity) {
      throw UsageError("\"" + text + "\" is no objective", "--slo",
                       "write seconds, such as ttft=0.5,tpot=0.1,itl=0.5");
    }
    *limit = value;
  }
  return slo;
}

bool is_good(const Sample& sample, const Slo& slo) {
  if (!sample.answered() || sample.ttft_s() > slo.ttft_s || sample.tpot_s() > slo.tpot_s) {
    return false;
  }
  return std::ranges::all_of(sample.gaps_s, [&](float gap) { return gap <= slo.itl_s; });
}

Summary summarize(const DriveResult& result, const SummaryRules& rules) {
  Summary summary;
  Latencies all;
  std::vector<const Sample*> measured;
  for (const Sample& sample : result.samples) {
    if (!sample.measured) continue;
    measured.push_back(&sample);
    count(summary, sample);
    add(all, sample);
  }
  std::ranges::stable_sort(measured, {}, [](const Sample* one) { return one->due_s; });
  std::vector<double> at_s;
  std::vector<char> good;
  for (const Sample* sample : measured) {
    at_s.push_back(sample->due_s);
    good.push_back(is_good(*sample, rules.slo));
  }
  summary.ttft = percentiles_of(all.ttft, rules.level);
  summary.tpot = percentiles_of(all.tpot, rules.level);
  summary.itl = percentiles_of(all.itl, rules.level);
  summary.e2e = percentiles_of(all.e2e, rules.level);
  summary.late = percentiles_of(all.late, rules.level);
  summary.refusal = percentiles_of(all.refusal, rules.level);
  summary.window_s = result.window_s;
  const double seconds = std::max(result.window_s, 1e-9);
  summary.offered_per_s = static_cast<double>(summary.requests) / seconds;
  summary.answered_per_s = static_cast<double>(summary.answered()) / seconds;
  summary.tokens_per_s = static_cast<double>(summary.answer_tokens) / seconds;
  summary.good_share = share_interval(at_s, good, rules.level);
  summary.good_trials = at_s.empty() ? 0.0 : effective_trials(at_s, good);
  summary.good_per_s = static_cast<double>(std::ranges::count(good, 1)) / seconds;
  summary.most_open = result.most_open;
  summary.steady = is_steady(all.ttft, rules.level);
  summary.on_time = summary.requests == 0 || summary.late.p99.estimate <= rules.late_limit_s;
  summary.interrupted = result.interrupted;
  return summary;
}

}  // namespace aisp::load
