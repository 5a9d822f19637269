// See load_text.h.
#include "app/load_text.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "base/units.h"

namespace aisp::app {
namespace {

std::string time(double seconds) {
  return std::isfinite(seconds) ? format_time(seconds * 1e9) : "-";
}

// "123 ms [110 ms, 140 ms]"; an end that the sample cannot give is "-".
std::string with_interval(const Interval& interval) {
  return fmt::format("{} [{}, {}]", time(interval.estimate), time(interval.low),
                     time(interval.high));
}

std::string row(const char* name, const load::Percentiles& figures) {
  if (figures.count == 0) return fmt::format("{:<5} none\n", name);
  return fmt::format("{:<5} {} {} {} {:>9}\n", name, pad_right(with_interval(figures.p50), 30),
                     pad_right(with_interval(figures.p90), 30),
                     pad_right(with_interval(figures.p99), 30), time(figures.worst));
}

std::string outcomes(const load::Summary& summary) {
  std::string text = fmt::format("{} requests in {}: {} answered", summary.requests,
                                 time(summary.window_s), summary.answered());
  for (int i = 1; i < load::kOutcomes; ++i) {
    const std::int64_t count = summary.outcomes[static_cast<std::size_t>(i)];
    if (count > 0) text += fmt::format(", {} {}", count, name_of(static_cast<load::Outcome>(i)));
  }
  text += "\n";
  if (summary.refusal.count > 0) {
    text += fmt::format("refusals came after {} (p50), {} (p99); {} said Retry-After\n",
                        time(summary.refusal.p50.estimate), time(summary.refusal.p99.estimate),
                        summary.with_retry_after);
  }
  return text;
}

std::string limits(const load::Slo& slo) {
  std::string text;
  const auto add = [&](const char* name, double limit) {
    if (std::isfinite(limit)) text += fmt::format(" {} <= {}", name, time(limit));
  };
  add("TTFT", slo.ttft_s);
  add("TPOT", slo.tpot_s);
  add("every ITL", slo.itl_s);
  return text.empty() ? " answered" : text;
}

}  // namespace

std::string load_table(const load::Summary& summary, const load::SummaryRules& rules) {
  std::string text = outcomes(summary);
  text += fmt::format("\n{:<5} {:<30} {:<30} {:<30} {:>9}\n", "", "p50", "p90", "p99", "max");
  text += row("TTFT", summary.ttft) + row("TPOT", summary.tpot) + row("ITL", summary.itl) +
          row("e2e", summary.e2e);
  text +=
      fmt::format("[{:g} % intervals; - where the sample has no bound]\n\n", 100.0 * rules.level);
  text += fmt::format(
      "{:.3g} requests/s answered of {:.3g} offered, {:.4g} tokens/s; at most {} "
      "open at a time\n",
      summary.answered_per_s, summary.offered_per_s, summary.tokens_per_s, summary.most_open);
  if (rules.slo.given()) {
    text += fmt::format("goodput {:.3g} requests/s: {} of the requests good [{}, {}], that is{}\n",
                        summary.good_per_s, format_percent(summary.good_share.estimate),
                        format_percent(summary.good_share.low),
                        format_percent(summary.good_share.high), limits(rules.slo));
  }
  if (summary.cached_tokens >= 0 && summary.prompt_tokens > 0) {
    text += fmt::format("{} of {} prompt tokens came from the server's cache, it says\n",
                        summary.cached_tokens, summary.prompt_tokens);
  }
  if (summary.without_usage > 0) {
    text += fmt::format("{} answers said no usage: their tokens are arrivals of text\n",
                        summary.without_usage);
  }
  if (!summary.steady) {
    text +=
        "NOT STEADY: the first and the last third differ; these are no figures of a steady "
        "state\n";
  }
  text += fmt::format("the generator sent {} late (p50), {} (p99), {} (max)\n",
                      time(summary.late.p50.estimate), time(summary.late.p99.estimate),
                      time(summary.late.worst));
  if (!summary.on_time) {
    text +=
        fmt::format("TOO LATE: beyond {}, the generator and not the server is what this shows\n",
                    time(rules.late_limit_s));
  }
  if (summary.interrupted) text += "interrupted: figures of what was done\n";
  return text;
}

std::string sweep_line(const load::Sweep::Step& step, const load::Summary& summary) {
  return fmt::format("{:>8.3g}/s {:<10} {} good [{}, {}], TTFT p50 {}, goodput {:.3g}/s{}{}\n",
                     step.rate, name_of(step.verdict), format_percent(step.good_share.estimate),
                     format_percent(step.good_share.low), format_percent(step.good_share.high),
                     time(summary.ttft.p50.estimate), summary.good_per_s,
                     summary.steady ? "" : ", not steady",
                     summary.on_time ? "" : ", generator late");
}

std::string sweep_result(const load::Sweep& sweep, double good_share) {
  const std::string wanted = format_percent(good_share);
  if (const auto few = sweep.too_few()) {
    return fmt::format(
        "no rate was shown to keep {} of the requests good: {} requests cannot show it, {} can; "
        "give a longer --duration\n",
        wanted, *few, sweep.least_requests());
  }
  if (!sweep.met()) {
    return fmt::format("no rate was shown to keep {} of the requests good\n", wanted);
  }
  std::string text =
      fmt::format("{:.3g} requests/s keep {} of the requests good", *sweep.met(), wanted);
  if (sweep.missed()) text += fmt::format("; {:.3g} do not", *sweep.missed());
  if (sweep.not_met() && sweep.not_met() != sweep.missed()) {
    text += fmt::format("; {:.3g} is undecided", *sweep.not_met());
  }
  return text + "\n";
}

std::string comparison_table(const std::vector<load::ComparedRow>& rows, double margin) {
  std::string text =
      fmt::format("{:<9} {:>7} {:<18} {:<14} {}\n", "", "B is", "interval", "verdict", "pairs");
  for (const load::ComparedRow& row : rows) {
    const char* verdict = row.verdict == bench::Verdict::kFaster       ? "B is better"
                          : row.verdict == bench::Verdict::kSlower     ? "A is better"
                          : row.verdict == bench::Verdict::kEquivalent ? "equivalent"
                                                                       : "inconclusive";
    if (row.pairs == 0) {
      text += fmt::format("{:<9} no pair has both\n", row.name);
      continue;
    }
    text += fmt::format(
        "{:<9} {:>7} {:<18} {:<14} {}\n", row.name, format_ratio(1.0 / row.ratio.estimate),
        format_ratio_interval(1.0 / row.ratio.high, 1.0 / row.ratio.low), verdict, row.pairs);
  }
  return text + fmt::format("above 1x B is better; within {:g} % of 1x they are equivalent\n",
                            100.0 * margin);
}

std::string stages_table(const std::vector<load::Stage>& stages) {
  if (stages.empty()) return "";
  std::string text = fmt::format("\n{:<52} {:>8} {:>9} {:>9} {:>9}\n", "the server's own stages",
                                 "count", "mean", "p50 <=", "p99 <=");
  for (const load::Stage& stage : stages) {
    text += fmt::format("{} {:>8.0f} {:>9} {:>9} {:>9}\n",
                        pad_right(cut_to_width(printable(stage.name), 52), 52), stage.count,
                        time(stage.mean_s), time(stage.p50_s), time(stage.p99_s));
  }
  return text;
}

}  // namespace aisp::app
