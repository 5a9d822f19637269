// `aisp machine`. See cmd_machine.h.
#include "app/cmd_machine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/machine_costs.h"
#include "app/machine_gpu.h"
#include "machine/ceilings.h"
#include "machine/cpu.h"
#include "machine/environment.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;
using machine::Ceilings;
using machine::Cpu;

// Three significant digits where there are fewer than three before the point.
std::string number(double value) {
  return fmt::format("{:.{}f}", value, value < 10 ? 2 : value < 1000 ? 1 : 0);
}

std::string size_text(std::size_t bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  const bool whole = value == static_cast<double>(static_cast<long long>(value));
  return fmt::format("{:.{}f} {}", value, whole ? 0 : 1, units[unit]);
}

std::string plural(int count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// Rows of equal length; the columns from `first_right` on are aligned to the right.
void print_table(const std::vector<std::vector<std::string>>& rows, std::size_t first_right) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i < first_right ? fmt::format(" {:<{}}", row[i], widths[i])
                              : fmt::format("  {:>{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

std::string cores_text(const Cpu& cpu) {
  std::string text =
      fmt::format("{} usable of {}, {} each, {}, {}", cpu.cores, cpu.cores_online,
                  plural(cpu.threads_per_core, "thread"), plural(cpu.packages, "package"),
                  plural(cpu.numa_nodes, "NUMA node"));
  if (cpu.cpu_quota > 0) text += fmt::format(", control group grants {:.2f}", cpu.cpu_quota);
  return text;
}

void print_hardware(const Cpu& cpu) {
  std::vector<std::vector<std::string>> rows = {
      {"hardware key", machine::hardware_key(cpu)},
      {"processor",
       fmt::format("{} ({} {}, family {}, model {}, stepping {})", cpu.model, cpu.vendor,
                   cpu.architecture, cpu.family, cpu.model_number, cpu.stepping)},
      {"cores", cores_text(cpu)},
      {"instruction sets", fmt::format("{}", fmt::join(cpu.features(), " "))},
      {"memory",
       fmt::format("{}, pages of {}", size_text(cpu.memory_bytes), size_text(cpu.page_bytes))},
  };
  if (rows[3][1].empty()) rows[3][1] = "none beyond the base";
  for (const machine::Cache& cache : cpu.data_caches) {
    rows.push_back(
        {fmt::format("L{} cache", cache.level),
         fmt::format("{} for {}, {} ways, lines of {} bytes", size_text(cache.size_bytes),
                     plural(cache.sharing_cores, "core"), cache.ways, cache.line_bytes)});
  }
  fmt::print("Hardware\n");
  print_table(rows, 2);
}

void print_environment(const machine::Environment& environment) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : environment) rows.push_back({name, value});
  fmt::print("\nEnvironment (what is not listed cannot be read here)\n");
  print_table(rows, 2);
}

std::vector<int> thread_counts(const Ceilings& ceilings) {
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
void print_compute(const Ceilings& ceilings, const std::vector<int>& counts) {
  std::vector<std::vector<std::string>> rows = {{"instructions", "type"}};
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

void print_bandwidth(const Ceilings& ceilings, const std::vector<int>& counts) {
  std::vector<std::vector<std::string>> rows = {{"level", "kind"}};
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

void print_ceilings(const Ceilings& ceilings, const Cpu& cpu) {
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

Json hardware_json(const Cpu& cpu) {
  Json caches = Json::array();
  for (const machine::Cache& cache : cpu.data_caches) {
    caches.push_back({{"level", cache.level},
                      {"size_bytes", cache.size_bytes},
                      {"ways", cache.ways},
                      {"line_bytes", cache.line_bytes},
                      {"sharing_cores", cache.sharing_cores}});
  }
  return {{"vendor", cpu.vendor},
          {"model", cpu.model},
          {"architecture", cpu.architecture},
          {"family", cpu.family},
          {"model_number", cpu.model_number},
          {"stepping", cpu.stepping},
          {"cores", cpu.cores},
          {"cores_online", cpu.cores_online},
          {"hardware_threads", cpu.hardware_threads},
          {"threads_per_core", cpu.threads_per_core},
          {"packages", cpu.packages},
          {"numa_nodes", cpu.numa_nodes},
          {"cpu_quota", cpu.cpu_quota},
          {"features", cpu.features()},
          {"data_caches", caches},
          {"memory_bytes", cpu.memory_bytes},
          {"page_bytes", cpu.page_bytes}};
}

void show_progress(double fraction, const std::string& now) {
  fmt::print(stderr, "\r\x1b[Kmeasuring ceilings {:3.0f} %  {}", 100 * fraction, now);
  if (fraction >= 1.0) fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

}  // namespace

int cmd_machine(const MachineOptions& options) {
  const Cpu& cpu = machine::cpu();
  const machine::Environment environment = machine::read_environment();
  machine::CeilingOptions how;
  how.seconds = options.costs ? options.seconds / 2 : options.seconds;
  if (isatty(STDERR_FILENO) != 0) how.progress = show_progress;
  if (options.json) {
    Json values = Json::object();
    for (const auto& [name, value] : environment) values[name] = value;
    Json root = {{"schema", "aisp.machine"},
                 {"schema_version", 1},
                 {"hardware_key", machine::hardware_key(cpu)},
                 {"cpu", hardware_json(cpu)},
                 {"environment", values}};
    if (options.ceilings) {
      const Ceilings ceilings = machine::load_or_measure_ceilings(cpu, how, options.refresh);
      root["ceilings"] = Json::parse(machine::to_json(ceilings));
      if (options.costs) root["costs"] = machine::to_json(load_costs(cpu, options));
      root["gpu_ceilings"] = to_json(machine::measure_gpu_costs());
    }
    // Names of processors and variables are bytes from outside: what is not UTF-8 is replaced.
    fmt::print("{}\n", root.dump(2, ' ', false, Json::error_handler_t::replace));
    return 0;
  }
  print_hardware(cpu);
  print_environment(environment);
  std::fflush(stdout);
  if (options.ceilings) {
    print_ceilings(machine::load_or_measure_ceilings(cpu, how, options.refresh), cpu);
    std::fflush(stdout);
    if (options.costs) print_costs(load_costs(cpu, options));
    print_gpu_costs(machine::measure_gpu_costs());
  }
  return 0;
}

}  // namespace aisp::app
