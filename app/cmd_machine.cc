// `aisp machine`. See cmd_machine.h.
#include "app/cmd_machine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "app/machine_costs.h"
#include "app/machine_gpu.h"
#include "app/machine_text.h"
#include "app/machine_topology.h"
#include "app/machine_watch.h"
#include "machine/ceilings.h"
#include "machine/cpu.h"
#include "machine/environment.h"
#include "machine/facts.h"
#include "machine/gpu_costs_cache.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;
using machine::Ceilings;
using machine::Cpu;

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

Json document(const Cpu& cpu, const machine::Environment& environment,
              const machine::Facts& facts) {
  Json values = Json::object();
  for (const auto& [name, value] : environment) values[name] = value;
  return {{"schema", "aisp.machine"},
          {"schema_version", 1},
          {"hardware_key", machine::hardware_key(cpu)},
          {"cpu", hardware_json(cpu)},
          {"environment", values},
          {"facts", machine::to_json(facts)}};
}

void print_json(const Json& json) {
  // Names of processors and variables are bytes from outside: what is not UTF-8 is replaced.
  fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
}

void show_topology(const MachineOptions& options, const machine::Facts& facts) {
  const machine::TopologyNode topology = machine::read_topology(facts.gpus);
  if (!options.svg.empty()) write_topology_svg(topology, options.svg);
  if (!options.topology) return;
  if (options.json) {
    print_json({{"schema", "aisp.topology"},
                {"schema_version", 1},
                {"topology", machine::to_json(topology)}});
  } else {
    print_topology(topology);
  }
}

std::vector<machine::GpuCosts> load_gpu_costs(const Cpu& cpu, const machine::Facts& facts,
                                              const MachineOptions& options) {
  const std::string path = machine::ceilings_cache_path(cpu);
  return machine::load_or_measure_gpu_costs(std::filesystem::path(path).parent_path().string(),
                                            machine::gpu_costs_key(facts), options.refresh,
                                            [] { return machine::measure_gpu_costs(); });
}

}  // namespace

int cmd_machine(const MachineOptions& options) {
  if (options.watch) return watch_machine(options.watch_seconds, options.count);
  const machine::Facts facts = machine::read_facts();
  if (options.topology || !options.svg.empty()) show_topology(options, facts);
  if (options.topology) return 0;
  const Cpu& cpu = machine::cpu();
  const machine::Environment environment = machine::read_environment();
  const auto ceilings = [&] {
    machine::CeilingOptions how;
    how.seconds = options.costs ? options.seconds / 2 : options.seconds;
    if (isatty(STDERR_FILENO) != 0) how.progress = show_progress;
    return machine::load_or_measure_ceilings(cpu, how, options.refresh);
  };
  if (options.json) {
    Json json = document(cpu, environment, facts);
    if (options.ceilings) {
      json["ceilings"] = Json::parse(machine::to_json(ceilings()));
      if (options.costs) json["costs"] = machine::to_json(load_costs(cpu, options));
      json["gpu_ceilings"] = machine::to_json(load_gpu_costs(cpu, facts, options));
    }
    print_json(json);
    return 0;
  }
  print_hardware(cpu);
  print_environment(environment);
  print_devices(facts);
  print_libraries(facts);
  print_container_and_limits(facts);
  std::fflush(stdout);
  if (options.ceilings) {
    print_ceilings(ceilings(), cpu);
    std::fflush(stdout);
    if (options.costs) print_costs(load_costs(cpu, options));
    print_gpu_costs(load_gpu_costs(cpu, facts, options));
  }
  print_unseen(facts);
  return 0;
}

}  // namespace aisp::app
