// See cmd_bench_history.h.
#include "app/cmd_bench_history.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>

#include "app/cmd_bench.h"
#include "base/text.h"
#include "base/units.h"
#include "bench/history.h"
#include "bench/json_interval.h"
#include "bench/select.h"
#include "machine/environment.h"

namespace aisp::app {
namespace {

bool timed(const bench::HistoryPoint& point) {
  return point.outcome == bench::Outcome::kOk || point.outcome == bench::Outcome::kNoisy;
}

// Speed-ups as eight heights between the least and the largest; a result without a time is an x.
// Changes within 2 % stay flat: a line that dances on noise tells nothing.
std::string sparkline(const bench::HistorySeries& series) {
  constexpr const char* kBars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double least = 1e300, most = -1e300;
  for (const auto& point : series.points) {
    if (!timed(point)) continue;
    least = std::min(least, -std::log(point.ratio.estimate));
    most = std::max(most, -std::log(point.ratio.estimate));
  }
  const double middle = 0.5 * (least + most), half = std::max(0.5 * (most - least), 0.02);
  std::string line;
  for (const auto& point : series.points) {
    const double at = (-std::log(point.ratio.estimate) - middle) / half;  // -1 .. 1
    line += timed(point) ? kBars[std::clamp(static_cast<int>((at + 1.0) * 4.0), 0, 7)] : "x";
  }
  return line;
}

void print_series(const bench::HistorySeries& series) {
  fmt::print("{}/{}/{} {}  {}\n", series.lab, series.case_name, series.size, series.technique,
             sparkline(series));
  const bench::HistoryPoint* before = nullptr;
  for (const bench::HistoryPoint& point : series.points) {
    const bool changed = before != nullptr && before->source_hash != point.source_hash;
    const std::string commit = point.commit.substr(0, 10);
    if (timed(point)) {
      fmt::print("  {}  {:10}  {:>7}  {:18} {:>9} {:>8}{}\n", point.utc, commit,
                 format_ratio(1.0 / point.ratio.estimate),
                 format_ratio_interval(1.0 / point.ratio.high, 1.0 / point.ratio.low),
                 format_time(point.time_ns),
                 point.ceiling_fraction > 0.0 ? format_percent(point.ceiling_fraction) : "",
                 changed ? "  sources changed" : "");
    } else {
      fmt::print("  {}  {:10}  {}{}\n", point.utc, commit, name(point.outcome),
                 changed ? "  sources changed" : "");
    }
    before = &point;
  }
  fmt::print("  first to last: the speed-up changed by {:+.1f} %{}\n\n",
             100.0 * (1.0 / series.change() - 1.0),
             series.apart() ? ", beyond both intervals" : ", within the intervals");
}

bench::Json to_json(const bench::History& history) {
  bench::Json all = bench::Json::array();
  for (const auto& series : history.series) {
    bench::Json points = bench::Json::array();
    for (const auto& point : series.points) {
      points.push_back({{"folder", point.folder},
                        {"utc", point.utc},
                        {"commit", point.commit},
                        {"source_hash", point.source_hash},
                        {"outcome", name(point.outcome)},
                        {"ratio", bench::interval_to_json(point.ratio)},
                        {"time_ns", bench::number_to_json(point.time_ns)},
                        {"ceiling_fraction", bench::number_to_json(point.ceiling_fraction)}});
    }
    all.push_back({{"lab", series.lab},
                   {"case", series.case_name},
                   {"size", series.size},
                   {"technique", series.technique},
                   {"points", points}});
  }
  return {{"schema", "aisp.history/1"}, {"hardware_key", history.hardware_key},
          {"runs", history.runs},       {"elsewhere", history.elsewhere},
          {"damaged", history.damaged}, {"series", all}};
}

}  // namespace

int cmd_bench_history(const HistoryCommand& command) {
  const auto labs = bench::select_labs(bench::known_labs(command.modules), command.targets);
  bench::History history = bench::read_history(
      command.runs, labs,
      command.hardware_key.empty() ? machine::hardware_key(machine::cpu()) : command.hardware_key);
  std::erase_if(history.series, [&](const bench::HistorySeries& series) {
    return !command.technique.empty() &&
           fnmatch(command.technique.c_str(), series.technique.c_str(), 0) != 0;
  });
  for (const std::string& line : history.damaged) {
    fmt::print(stderr, "aisp: left out: {}\n", printable(line));
  }
  if (command.json) {
    fmt::print("{}\n", to_json(history).dump(1));
  } else {
    for (const auto& series : history.series) print_series(series);
    if (history.elsewhere > 0) {
      fmt::print("{} runs of other machines were left out (--hardware KEY shows those)\n",
                 history.elsewhere);
    }
  }
  if (!history.series.empty()) return kExitOk;
  fmt::print(stderr, "aisp: no run in {} holds it for {}\n", command.runs, history.hardware_key);
  return kExitInconclusive;
}

}  // namespace aisp::app
