// See compare.h.
#include "load/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace aisp::load {
namespace {

// Log-ratio of a pair in which one side has nothing to show: beyond every ratio that is measured.
const double kNothing = std::log(1e6);

// log of b over a where less is better; a side without the figure, or with a goodput of 0, is the
// worst there is, so that a collapse cannot leave the comparison. Nothing when both have none.
std::optional<double> log_ratio(double a, double b, bool more_is_better) {
  const bool has_a = std::isfinite(a) && a > 0.0, has_b = std::isfinite(b) && b > 0.0;
  if (!has_a && !has_b) return {};
  if (!has_a) return -kNothing;
  if (!has_b) return kNothing;
  return std::clamp(more_is_better ? std::log(a / b) : std::log(b / a), -kNothing, kNothing);
}

// Back from kNothing to what it stands for.
double unbounded(double ratio) {
  if (ratio >= 0.99e6) return std::numeric_limits<double>::infinity();
  return ratio <= 1.01e-6 ? 0.0 : ratio;
}

}  // namespace

std::vector<ComparedRow> compare(std::span<const Summary> a, std::span<const Summary> b,
                                 double margin, double level) {
  struct Figure {
    const char* name;
    double (*of)(const Summary&);
    bool more_is_better;
  };
  static constexpr Figure kFigures[] = {
      {"TTFT p50", [](const Summary& one) { return one.ttft.p50.estimate; }, false},
      {"TTFT p90", [](const Summary& one) { return one.ttft.p90.estimate; }, false},
      {"TPOT p50", [](const Summary& one) { return one.tpot.p50.estimate; }, false},
      {"ITL p99", [](const Summary& one) { return one.itl.p99.estimate; }, false},
      {"e2e p50", [](const Summary& one) { return one.e2e.p50.estimate; }, false},
      {"tokens/s", [](const Summary& one) { return one.tokens_per_s; }, true},
      {"goodput", [](const Summary& one) { return one.good_per_s; }, true}};
  std::vector<ComparedRow> rows;
  for (const Figure& figure : kFigures) {
    std::vector<double> logs;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      const auto log = log_ratio(figure.of(a[i]), figure.of(b[i]), figure.more_is_better);
      if (log) logs.push_back(*log);
    }
    ComparedRow row{.name = figure.name, .pairs = static_cast<int>(logs.size())};
    if (!logs.empty()) {
      row.ratio = bench::ratio_interval(logs, level);
      row.ratio = {unbounded(row.ratio.estimate), unbounded(row.ratio.low),
                   unbounded(row.ratio.high)};
      row.verdict = bench::verdict_of(row.ratio, margin);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

int least_pairs(double level) {
  std::size_t pairs = 1;
  while (anytime_order_index(pairs, level) == SIZE_MAX) ++pairs;
  return static_cast<int>(pairs);
}

DriveResult joined(std::span<const DriveResult> blocks) {
  DriveResult all;
  for (const DriveResult& block : blocks) {
    for (Sample sample : block.samples) {
      sample.due_s += all.elapsed_s;
      sample.sent_s += all.elapsed_s;
      sample.end_s += all.elapsed_s;
      if (sample.first_s >= 0.0) sample.first_s += all.elapsed_s;
      if (sample.last_s >= 0.0) sample.last_s += all.elapsed_s;
      all.samples.push_back(std::move(sample));
    }
    all.elapsed_s += block.elapsed_s;
    all.window_s += block.window_s;
    all.most_open = std::max(all.most_open, block.most_open);
    all.interrupted = all.interrupted || block.interrupted;
  }
  return all;
}

}  // namespace aisp::load
