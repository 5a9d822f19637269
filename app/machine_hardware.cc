// The processor and the state of the system, as `aisp machine` shows them.
#include <fmt/format.h>

#include "app/machine_text.h"

namespace aisp::app {
namespace {

std::string cores_text(const machine::Cpu& cpu) {
  std::string text =
      fmt::format("{} usable of {}, {} each, {}, {}", cpu.cores, cpu.cores_online,
                  plural(cpu.threads_per_core, "thread"), plural(cpu.packages, "package"),
                  plural(cpu.numa_nodes, "NUMA node"));
  if (cpu.cpu_quota > 0) text += fmt::format(", control group grants {:.2f}", cpu.cpu_quota);
  return text;
}

}  // namespace

void print_hardware(const machine::Cpu& cpu) {
  Rows rows = {
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
  Rows rows;
  for (const auto& [name, value] : environment) rows.push_back({name, value});
  fmt::print("\nEnvironment (what is not listed cannot be read here)\n");
  print_table(rows, 2);
}

}  // namespace aisp::app
