// See machine_costs.h.
#include "app/machine_costs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "base/units.h"

namespace aisp::app {
namespace {

using machine::Cost;
using machine::Costs;

constexpr std::size_t kWidestMatrix = 16;  // columns of seven characters that fit a terminal

std::string group_of(const std::string& name) { return name.substr(0, name.find('/')); }

void show_progress(double fraction, const std::string& now) {
  fmt::print(stderr, "\r\x1b[Kmeasuring costs {:3.0f} %  {}", 100 * fraction, now);
  if (fraction >= 1.0) fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

// One table for each run of rows of one group.
void print_rows(const std::vector<Cost>& costs) {
  std::size_t width = 0;
  for (const Cost& cost : costs) {
    width = std::max(width, cost.name.size() - group_of(cost.name).size() - 1);
  }
  std::string group;
  for (const Cost& cost : costs) {
    if (group_of(cost.name) != group) {
      group = group_of(cost.name);
      fmt::print("\n{}\n", group);
    }
    const std::string interval =
        fmt::format("[{}, {}]", format_number(cost.value.low), format_number(cost.value.high));
    fmt::print("  {:<{}}  {:>8} {:<12}  {:<20}  {}\n", cost.name.substr(group.size() + 1), width,
               format_number(cost.value.estimate), cost.unit, interval, cost.detail);
  }
}

// Half of a round trip for each pair of cores, where a terminal has the room.
void print_matrix(const Costs& costs) {
  std::map<int, std::map<int, double>> between;
  for (const machine::CorePair& pair : costs.core_pairs) {
    between[pair.a][pair.b] = between[pair.b][pair.a] = pair.ns.estimate;
  }
  if (between.size() < 3 || between.size() > kWidestMatrix) return;
  fmt::print("\ncore to core, ns\n  {:>4}", "");
  for (const auto& [core, row] : between) fmt::print(" {:>6}", core);
  for (const auto& [a, row] : between) {
    fmt::print("\n  {:>4}", a);
    for (const auto& [b, unused] : between) {
      const auto found = row.find(b);
      fmt::print(" {:>6}", found == row.end() ? "-" : format_number(found->second));
    }
  }
  fmt::print("\n");
}

}  // namespace

Costs load_costs(const machine::Cpu& cpu, const MachineOptions& options) {
  machine::CostOptions how;
  how.seconds = options.seconds / 2;
  how.disk_folder = options.disk;
  if (isatty(STDERR_FILENO) != 0) how.progress = show_progress;
  return machine::load_or_measure_costs(cpu, how, options.refresh);
}

void print_costs(const Costs& costs) {
  fmt::print("\nCosts (median, unit, 95 % interval; docs/MACHINE.md says how each is measured)\n");
  print_rows(costs.costs);
  print_matrix(costs);
  if (!costs.missing.empty()) fmt::print("\nNot measured here\n");
  for (const machine::NotMeasured& missing : costs.missing) {
    fmt::print("  {}: {}\n", missing.name, missing.why);
  }
  fmt::print("\nMeasured in {:.1f} s; load average when measured: {:.2f}.\n", costs.seconds,
             costs.load1);
}

}  // namespace aisp::app
