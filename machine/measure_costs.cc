// Measures the costs: the probes add their loops, the sheet runs them in turns. See costs.h.
#include "machine/core_latency.h"
#include "machine/cost_sheet.h"
#include "machine/environment.h"

#include <chrono>
#include <exception>

namespace aisp::machine {
namespace {

constexpr double kPairsShare = 0.15;  // of the budget, for core to core

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Probe {
  const char* group;
  void (*add)(const CostProbe& probe);
};
constexpr Probe kProbes[] = {
    {"load latency", add_load_latencies},
    {"pages", add_page_costs},
    {"memory bandwidth", add_memory_bandwidth},
    {"NUMA", add_numa_costs},
    {"system", add_system_costs},
    {"threads", add_thread_costs},
    {"loopback", add_network_costs},
};

}  // namespace

const Cost* Costs::find(std::string_view name) const {
  for (const Cost& cost : costs) {
    if (cost.name == name) return &cost;
  }
  return nullptr;
}

Costs measure_costs(const Cpu& cpu, const CostOptions& options) {
  const double begin = now_seconds();
  Costs costs;
  costs.cores = cpu.cores;
  costs.load1 = read_system_load().load1;
  if (options.progress != nullptr) options.progress(0.0, "preparing");
  CoreLatencies pairs(cpu.core_ids);
  bool pinned = true;
  {
    Crew crew(cpu);
    CostSheet sheet;
    const CostProbe probe{cpu, options, crew, sheet};
    for (const Probe& each : kProbes) {
      try {
        each.add(probe);
      } catch (const std::exception& problem) {  // no memory, no threads, no descriptors
        sheet.add_missing(each.group, problem.what());
      }
    }
    costs.disk_folder = add_disk_costs(probe);
    const double left = options.seconds - (now_seconds() - begin);
    sheet.measure(left, options, [&](int) {
      pinned = pinned && pairs.pairs() > 0 &&
               pairs.sample(kPairsShare * options.seconds / CostSheet::kRounds);
    });
    sheet.store(costs);
  }
  if (pairs.pairs() == 0 || !pinned) {
    costs.missing.push_back({"core to core", pairs.pairs() == 0
                                                 ? "one usable core"
                                                 : "threads cannot be pinned to cores here"});
  } else {
    costs.core_pairs = pairs.result();
    const std::vector<Cost> rows = summarize(costs.core_pairs, cpu.cores);
    costs.costs.insert(costs.costs.end(), rows.begin(), rows.end());
  }
  costs.seconds = now_seconds() - begin;
  return costs;
}

}  // namespace aisp::machine
