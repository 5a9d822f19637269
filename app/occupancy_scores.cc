// Scores of points: pure, from a record. See cmd_occupancy.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/cmd_occupancy.h"
#include "base/text.h"
#include "base/units.h"

namespace aisp::app {
namespace {

Interval inverse(const Interval& ratio) {
  const auto one_over = [](double value) { return value > 0.0 ? 1.0 / value : std::nan(""); };
  return {one_over(ratio.estimate), one_over(ratio.high), one_over(ratio.low)};
}

Score score_of(const tune::Tunable& kernel, std::size_t index, const bench::TechniqueResult& row) {
  const tune::Point& point = kernel.points[index];
  Score score{.point = point.name(),
              .knobs = point.knobs,
              .occupancy = {},
              .shipped = index == kernel.shipped};
  const bool timed = row.outcome == bench::Outcome::kOk || row.outcome == bench::Outcome::kNoisy;
  score.time_ns = timed ? row.time_ns.estimate : std::nan("");
  score.of_best = std::nan("");
  score.speedup =
      timed ? inverse(row.pair.ratio) : Interval{std::nan(""), std::nan(""), std::nan("")};
  score.gb_per_s = row.gb_per_s;
  score.gflop_per_s = row.gflop_per_s;
  score.ceiling_fraction = row.ceiling_fraction;
  score.verdict = !timed          ? fmt::format("{}: {}", bench::name(row.outcome), row.reason)
                  : score.shipped ? "shipped"
                                  : bench::name(row.pair.verdict);
  return score;
}

// The interval of its speed-up reaches the best one's: nothing shows that it is slower.
bool as_good(const Score& one, const Score& best) {
  return one.speedup.high >= best.speedup.low || one.point == best.point;
}

std::string conclusion(const std::vector<Score>& scores) {
  const Score& best = scores.front();
  const auto fullest =
      std::max_element(scores.begin(), scores.end(), [](const Score& a, const Score& b) {
        const bool timed_a = std::isfinite(a.time_ns), timed_b = std::isfinite(b.time_ns);
        if (timed_a != timed_b) return timed_b;
        // Scores are sorted by time: of equally occupied points the quickest comes first.
        return a.occupancy.share < b.occupancy.share;
      });
  std::string text = fmt::format(
      "  The occupancy API's limit: {} (best of those points: {}). Measured optimum: {} at {}",
      format_percent(fullest->occupancy.share), fullest->point, best.point,
      format_percent(best.occupancy.share));
  if (best.point == fullest->point) return text + ": the same.\n";
  text += fmt::format(", {} the time of the fullest.\n",
                      format_percent(best.time_ns / fullest->time_ns));
  const auto equal = std::count_if(scores.begin(), scores.end(), [&](const Score& one) {
    return std::isfinite(one.time_ns) && as_good(one, best);
  });
  if (equal > 1) {
    text += fmt::format("  {} points cannot be told from the optimum (marked ~).\n", equal);
  }
  return text;
}

}  // namespace

std::vector<Score> scores_of(const tune::Tunable& kernel, const bench::CaseResult& result,
                             const std::vector<tune::Occupancy>& occupancy) {
  std::vector<Score> scores;
  for (std::size_t i = 0; i < kernel.points.size(); ++i) {
    for (const bench::TechniqueResult& row : result.techniques) {
      if (row.name != kernel.points[i].name()) continue;
      scores.push_back(score_of(kernel, i, row));
      if (i < occupancy.size()) scores.back().occupancy = occupancy[i];
    }
  }
  const auto key = [](const Score& one) {
    // By the paired speed-up, which drift does not touch; what has no time comes last.
    return std::isfinite(one.time_ns) ? -one.speedup.estimate : 1e300;
  };
  std::stable_sort(scores.begin(), scores.end(),
                   [&](const Score& a, const Score& b) { return key(a) < key(b); });
  for (Score& one : scores) one.of_best = one.speedup.estimate / scores.front().speedup.estimate;
  return scores;
}

std::string render_scores(const tune::Tunable& kernel, const std::vector<Score>& scores) {
  std::string text =
      fmt::format("\n{}: {} ({} {})\n", kernel.name, kernel.summary, kernel.lab, kernel.case_name);
  std::string head = "  score ";
  for (const auto& [knob, value] : kernel.points.front().knobs) {
    head += " " + pad_left(knob, static_cast<int>(std::max<std::size_t>(knob.size(), 5)));
  }
  text += head + "   regs  shared  blocks  occupancy       time  of ceiling  verdict\n";
  for (const Score& one : scores) {
    const bool timed = std::isfinite(one.time_ns);
    text += timed
                ? fmt::format("  {:5.3f}{}", one.of_best, as_good(one, scores.front()) ? "~" : " ")
                : "      - ";
    for (const auto& [knob, value] : one.knobs) {
      text += fmt::format(" {:>{}}", value, std::max<std::size_t>(knob.size(), 5));
    }
    const tune::Occupancy& o = one.occupancy;
    text += fmt::format("  {:>5} {:>7}  {:>6}  {:>9}", o.registers, o.shared_bytes, o.blocks,
                        format_percent(o.share));
    text += timed
                ? fmt::format("  {:>9}  {:>10}", format_time(one.time_ns),
                              one.ceiling_fraction > 0 ? format_percent(one.ceiling_fraction) : "")
                : fmt::format("  {:>9}  {:>10}", "", "");
    text += "  " + one.verdict;
    if (timed && !one.shipped) {
      text += fmt::format(" {} {}", format_ratio(one.speedup.estimate),
                          format_ratio_interval(one.speedup.low, one.speedup.high));
    }
    if (o.local_bytes > 0)
      text += fmt::format("; {} bytes of local memory a thread", o.local_bytes);
    text += "\n";
  }
  if (!scores.empty() && std::isfinite(scores.front().time_ns)) text += conclusion(scores);
  return text;
}

}  // namespace aisp::app
