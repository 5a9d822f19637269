// Measured ceilings, as `aisp machine` shows them.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "app/machine_text.h"

namespace aisp::app {
namespace {

std::vector<int> thread_counts(const machine::Ceilings& ceilings) {
  std::vector<int> counts;
  for (const auto& entry : ceilings.compute) counts.push_back(entry.threads);
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

void add_cells(std::vector<std::string>& row, const Interval& interval, double best) {
  row.push_back(number(interval.estimate));
  row.push_back(fmt::format("[{}, {}]", number(interval.low), number(interval.high)));
  row.push_back(number(best));
}

void add_headings(std::vector<std::string>& row, const std::vector<int>& counts) {
  for (const int threads : counts) {
    row.push_back(plural(threads, "thread"));
    row.push_back("95 % interval");
    row.push_back("best");
  }
}

// One row for each (isa, dtype), with the cells of every thread count.
void print_compute(const machine::Ceilings& ceilings, const std::vector<int>& counts) {
  Rows rows = {{"instructions", "type"}};
  add_headings(rows[0], counts);
  const bool cycles = ceilings.clock_ghz.estimate > 0;
  if (cycles) rows[0].push_back("per cycle");
  for (const auto& first : ceilings.compute) {
    if (first.threads != counts.front()) continue;
    rows.push_back({first.isa, std::string(name(first.dtype))});
    for (const int threads : counts) {
      for (const auto& entry : ceilings.compute) {
        if (entry.isa != first.isa || entry.dtype != first.dtype || entry.threads != threads)
          continue;
        add_cells(rows.back(), entry.gflop_per_s, entry.best);
      }
    }
    if (cycles) {
      rows.back().push_back(fmt::format(
          "{:.1f}", first.gflop_per_s.estimate / first.threads / ceilings.clock_ghz.estimate));
    }
  }
  fmt::print("\nArithmetic, 1e9 operations per second (a multiply-add counts two)\n");
  print_table(rows, 2);
}

void print_bandwidth(const machine::Ceilings& ceilings, const std::vector<int>& counts) {
  Rows rows = {{"level", "kind"}};
  add_headings(rows[0], counts);
  rows[0].push_back("working set");
  for (const auto& first : ceilings.bandwidth) {
    if (first.threads != counts.front()) continue;
    rows.push_back({first.level == 0 ? "DRAM" : fmt::format("L{}", first.level), first.kind});
    std::vector<std::string> sets;
    for (const int threads : counts) {
      for (const auto& entry : ceilings.bandwidth) {
        if (entry.level != first.level || entry.kind != first.kind || entry.threads != threads)
          continue;
        add_cells(rows.back(), entry.gb_per_s, entry.best);
        sets.push_back(size_text(entry.working_set_bytes));
      }
    }
    rows.back().push_back(fmt::format("{}", fmt::join(sets, ", ")));
  }
  fmt::print(
      "\nBandwidth, 1e9 bytes per second (loaded plus stored; \"_nt\" stores go past the "
      "caches)\n");
  print_table(rows, 2);
}

}  // namespace

void print_ceilings(const machine::Ceilings& ceilings, const machine::Cpu& cpu) {
  const std::vector<int> counts = thread_counts(ceilings);
  if (counts.empty()) return;
  print_compute(ceilings, counts);
  print_bandwidth(ceilings, counts);
  fmt::print("\nMedians of epochs of about 1 ms; \"best\" is the second fastest epoch. ");
  if (ceilings.clock_ghz.estimate > 0) {
    fmt::print("Clock of a busy core: {:.2f} GHz [{:.2f}, {:.2f}].", ceilings.clock_ghz.estimate,
               ceilings.clock_ghz.low, ceilings.clock_ghz.high);
  }
  fmt::print(
      "\nLoad average when measured: {:.2f}; {:.1f} % of the epochs were interrupted by other "
      "work{}.\n",
      ceilings.load1, 100 * ceilings.interrupted_share,
      ceilings.interrupted_share > 0.2 ? " (--refresh on a quiet machine narrows the intervals)"
                                       : "");
  const std::string path = machine::ceilings_cache_path(cpu);
  if (!path.empty() && access(path.c_str(), R_OK) == 0) fmt::print("Kept in {}\n", path);
}

}  // namespace aisp::app
