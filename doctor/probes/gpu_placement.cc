// Where processes and interrupts of GPUs run: beside the device, and one process for each.
//
// Source: Linux Documentation/ABI/testing/sysfs-bus-pci (local_cpulist), core-api/irq/irq-affinity;
// proc(5); PyTorch documentation (DistributedDataParallel over DataParallel).
#include <algorithm>

#include "doctor/gpus.h"
#include "doctor/paths.h"
#include "doctor/processes.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::Gpu;

const char* const kCrossing =
    "copies and launches cross the link between the sockets; how much "
    "that costs depends on its load and was not measured";

// Processors beside the GPU; nothing when the kernel does not tell, or there is one node alone.
std::optional<std::set<int>> local_cpus(const Evidence& evidence, const Gpu& gpu) {
  const std::string folder = "/sys/bus/pci/devices/" + gpu.pci_address;
  const auto node = evidence.number(folder + "/numa_node");
  if (!node || *node < 0) return std::nullopt;
  const Text list = evidence.read(folder + "/local_cpulist");
  if (!list || list.value.empty()) return std::nullopt;
  return parse_cpu_list(list.value);
}

bool one_node(const Evidence& evidence) {
  std::size_t nodes = 0;
  for (const std::string& name : evidence.list("/sys/devices/system/node")) {
    if (!name.starts_with("node")) continue;
    const Text cpus = evidence.read("/sys/devices/system/node/" + name + "/cpulist");
    if (cpus && !cpus.value.empty()) ++nodes;
  }
  return nodes <= 1;
}

bool inside(const std::set<int>& inner, const std::set<int>& outer) {
  return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

Finding gpu_process_numa_binding(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  if (one_node(evidence)) return not_applicable("one NUMA node");
  const auto users = gpu_users(evidence);
  if (users.empty()) return not_applicable("no process holds a GPU");
  std::vector<Reading> good, bad;
  std::vector<Fix> fixes;
  std::string unseen;
  for (const GpuUser& user : users) {
    std::set<int> local;
    bool known = true;
    for (const Gpu& gpu : evidence.facts().gpus) {
      if (std::find(user.gpus.begin(), user.gpus.end(), gpu.index) == user.gpus.end()) continue;
      const auto cpus = local_cpus(evidence, gpu);
      known = known && cpus.has_value();
      if (cpus) local.insert(cpus->begin(), cpus->end());
    }
    const std::string path = fmt::format("/proc/{}/status", user.pid);
    const Text status = status_of(evidence, user);
    const auto list = Evidence::value_of(status.value, "Cpus_allowed_list");
    const auto allowed = parse_cpu_list(list.value_or(""));
    if (!known || !list || !allowed || allowed->empty()) {
      unseen = !known ? "the kernel does not tell where the GPUs are" : status.why;
      continue;
    }
    const bool holds = inside(*allowed, local);
    (holds ? good : bad)
        .push_back({path, fmt::format("Cpus_allowed_list {}; beside {}: {}", *list,
                                      gpus_in_words(user.gpus), cpu_list_text(local))});
    if (holds) continue;
    const auto bind = [&](const std::string& cpus) {
      return fmt::format("taskset -a -c -p {} {}", cpus, user.pid);
    };
    fixes.push_back({Fix::Kind::kCommand, bind(cpu_list_text(local)), bind(*list)});
  }
  if (!bad.empty()) {
    return warn(fmt::format("{} of {} GPU processes may run on the far socket", bad.size(),
                            bad.size() + good.size()),
                bad, kCrossing, fixes);
  }
  if (!good.empty()) return ok("GPU processes run beside their GPUs", good);
  return cannot_see(unseen.empty() ? "no affinity of a GPU process can be read" : unseen);
}

// Interrupts of a device that may arrive outside of `local`.
void far_interrupts(const Evidence& evidence, const Gpu& gpu, const std::set<int>& local,
                    std::vector<Reading>& good, std::vector<Reading>& bad,
                    std::vector<Fix>& fixes) {
  const std::string folder = "/sys/bus/pci/devices/" + gpu.pci_address + "/msi_irqs";
  for (const std::string& irq : evidence.list(folder)) {
    const std::string path = "/proc/irq/" + irq;
    const Text list = evidence.read(path + "/effective_affinity_list");
    const auto cpus = list ? parse_cpu_list(list.value) : std::nullopt;
    if (!cpus || cpus->empty()) continue;
    const bool holds = inside(*cpus, local);
    (holds ? good : bad)
        .push_back(
            {path + "/effective_affinity_list",
             fmt::format("{}; beside GPU {}: {}", list.value, gpu.index, cpu_list_text(local))});
    if (!holds) {
      fixes.push_back({Fix::Kind::kWrite, path + "/smp_affinity_list", cpu_list_text(local)});
    }
  }
}

Finding gpu_irq_affinity(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  if (one_node(evidence)) return not_applicable("one NUMA node");
  std::vector<Reading> good, bad;
  std::vector<Fix> fixes;
  bool placed = false;
  for (const Gpu& gpu : evidence.facts().gpus) {
    const auto local = local_cpus(evidence, gpu);
    if (!local) continue;
    placed = true;
    far_interrupts(evidence, gpu, *local, good, bad, fixes);
  }
  if (!placed) return not_applicable("the kernel does not tell which node the GPUs are on");
  if (bad.size() > 8) bad.resize(8);
  if (good.size() > 8) good.resize(8);
  if (!bad.empty()) {
    return warn(fmt::format("{} interrupts of GPUs arrive on the far socket", fixes.size()), bad,
                "a few microseconds for each wait that blocks; not measured on such a machine",
                fixes);
  }
  if (good.empty()) return cannot_see("no interrupt of a GPU can be read under /proc/irq");
  return ok("interrupts of GPUs arrive beside them", good);
}

Finding one_process_per_gpu(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence, 2)) return *none;
  const auto users = gpu_users(evidence);
  if (users.empty()) return not_applicable("no process holds a GPU");
  std::vector<Reading> read;
  for (const GpuUser& user : users) {
    const bool rank = user.environment.contains("RANK") || user.environment.contains("LOCAL_RANK");
    if (user.gpus.size() < 2 || rank || !is_python(user)) continue;
    read.push_back({fmt::format("process {} ({})", user.pid, user.name), gpus_in_words(user.gpus)});
  }
  if (read.empty()) return ok("no interpreter drives several GPUs alone");
  return warn(fmt::format("one Python process drives {}", read.front().value), read,
              "its threads take turns on the interpreter's lock; launches of one GPU delay those "
              "of the others");
}

}  // namespace

std::vector<Probe> gpu_placement_probes() {
  return {{"gpu-process-numa-binding", gpu_process_numa_binding},
          {"gpu-irq-affinity", gpu_irq_affinity},
          {"one-process-per-gpu", one_process_per_gpu}};
}

}  // namespace aisp::doctor
