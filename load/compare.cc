// See compare.h.
#include "load/compare.h"

#include <algorithm>
#include <cmath>

namespace aisp::load {

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
      {"e2e p50", [](const Summary& one) { return one.e2e.p50.estimate; }, false},
      {"tokens/s", [](const Summary& one) { return one.tokens_per_s; }, true},
      {"goodput", [](const Summary& one) { return one.good_per_s; }, true}};
  std::vector<ComparedRow> rows;
  for (const Figure& figure : kFigures) {
    std::vector<double> logs;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      const double ratio = figure.of(b[i]) / figure.of(a[i]);
      if (!(ratio > 0.0) || !std::isfinite(ratio)) continue;  // a side without such an answer
      logs.push_back(figure.more_is_better ? -std::log(ratio) : std::log(ratio));
    }
    ComparedRow row{.name = figure.name, .pairs = static_cast<int>(logs.size())};
    if (!logs.empty()) {
      row.ratio = bench::ratio_interval(logs, level);
      row.verdict = bench::verdict_of(row.ratio, margin);
    }
    rows.push_back(std::move(row));
  }
  return rows;
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
