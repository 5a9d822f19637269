// See inside.h.
// Sources: Linux admin-guide/cgroup-v2; Kubernetes, "Control CPU Management Policies on the Node"
// and "Device Plugins"; NVIDIA Container Toolkit, environment variables.
#include "doctor/inside.h"

#include <fmt/format.h>

#include "base/units.h"
#include "doctor/cgroups.h"
#include "doctor/paths.h"

namespace aisp::doctor {
namespace {

// Variables by which device plugins and runtimes hand devices over.
constexpr const char* kDeviceVariables[] = {"NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES",
                                            "CUDA_VISIBLE_DEVICES", "CUDA_MPS_PIPE_DIRECTORY"};

std::string processors(const Evidence& evidence) {
  const auto online = parse_cpu_list(evidence.read("/sys/devices/system/cpu/online").value);
  const auto mine = cgroup_cpus(evidence);
  if (!mine || mine->empty()) return "";
  const std::string list = cpu_list_text(*mine);
  if (!online || *mine == *online) return list + " (all that are online)";
  // The CPU manager's static policy hands out whole processors of one's own: a smaller set.
  return fmt::format("{} ({} of {}: a set of its own)", list, mine->size(), online->size());
}

}  // namespace

const std::vector<std::string>& inside_items() {
  static const std::vector<std::string> ids = {"thread-count-variables",
                                               "container-cpu-quota",
                                               "container-memory-limit",
                                               "container-shm-size",
                                               "container-memlock",
                                               "locked-memory-limit",
                                               "numa-memory-placement",
                                               "critical-thread-pinning",
                                               "cpu-cores-per-gpu",
                                               "host-memory-per-gpu",
                                               "gpu-process-numa-binding",
                                               "mig-fit",
                                               "multitenant-limits",
                                               "cuda-driver-runtime-match",
                                               "profiler-access",
                                               "storage-media",
                                               "transparent-hugepages",
                                               "cpu-oversubscription",
                                               "orchestrator-numa-policy",
                                               "rdma-device-active",
                                               "swap-off"};
  return ids;
}

std::vector<Reading> granted(const Evidence& evidence) {
  std::vector<Reading> all;
  const auto add = [&](const char* what, const std::string& value) {
    if (!value.empty()) all.push_back({what, value});
  };
  const auto& facts = evidence.facts();
  add("container", facts.container.empty() ? "none seen" : facts.container);
  const bool second = !cgroup_folders(evidence, "").empty();
  const auto folders = cgroup_folders(evidence);
  add("control groups", folders.empty() ? "none seen" : second ? "version 2" : "version 1");
  add("processors", processors(evidence));
  if (const auto quota = cpu_quota(evidence)) {
    add("processor time", fmt::format("{:g} processors' worth ({})", quota->cpus, quota->file));
  } else {
    add("processor time", "no quota");
  }
  if (const auto limit = memory_limit(evidence)) {
    add("memory",
        fmt::format("{} ({})", format_bytes(static_cast<double>(limit->bytes)), limit->file));
  } else {
    add("memory", "no limit");
  }
  if (const auto shm = evidence.file_system("/dev/shm")) {
    add("shared memory", format_bytes(static_cast<double>(shm->total_bytes)));
  }
  for (const char* variable : kDeviceVariables) {
    if (const Text text = evidence.variable(variable)) add(variable, text.value);
  }
  for (const auto& [name, value] : evidence.variables()) {
    if (name.starts_with("PCIDEVICE_")) add(name.c_str(), value);  // SR-IOV device plugin
  }
  add("GPUs", facts.gpus.empty() ? "none seen" : fmt::format("{}", facts.gpus.size()));
  return all;
}

}  // namespace aisp::doctor
