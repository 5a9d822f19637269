// Who places work on this machine, and whether it knows what lies near what: Kubernetes, from its
// node and from inside a pod, and Slurm.
//
// Source: Kubernetes "Control CPU / Topology / Memory Management Policies on the Node" and "Device
// Plugins"; Slurm slurm.conf(5), gres.conf(5), topology.conf(5).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "doctor/processors.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

// A value of the kubelet's configuration, without quotes.
std::string kubelet_value(const std::string& text, const std::string& key, const char* standard) {
  std::string value = Evidence::value_of(text, key).value_or(standard);
  std::erase(value, '"');
  std::erase(value, '\'');
  return value;
}

const std::string kKubelet = "/var/lib/kubelet/config.yaml";

// Slurm's configuration: its file, else the answer of its controller.
Text slurm_config(const Evidence& evidence) {
  for (const char* const file : {"/etc/slurm/slurm.conf", "/etc/slurm-llnl/slurm.conf"}) {
    Text text = evidence.read(file);
    if (text) return text;
  }
  return evidence.command({"scontrol", "show", "config"});
}

// Inside a pod the policy is not shown, but what it gave us is.
Finding pod_placement(const Evidence& evidence, const std::map<int, std::set<int>>& nodes) {
  const UsableCpus usable = usable_cpus(evidence);
  std::size_t touched = 0;
  for (const auto& [node, cpus] : nodes) {
    touched += std::any_of(cpus.begin(), cpus.end(),
                           [&](int cpu) { return usable.allowed.contains(cpu); });
  }
  if (touched == 1) return ok("the pod's processors lie on one NUMA node", usable.evidence);
  const bool all = usable.allowed.size() >= online_cpus(evidence).size();
  return warn(all ? std::string("the pod may run on every processor: no static CPU manager")
                  : fmt::format("the pod's processors lie on {} NUMA nodes", touched),
              usable.evidence,
              "memory and GPUs of the far node; aisp machine --ceilings measures the distance");
}

Finding orchestrator_numa_policy(const Evidence& evidence) {
  const auto nodes = numa_nodes(evidence);
  const Text kubelet = evidence.read(kKubelet);
  if (kubelet) {
    const std::string topology = kubelet_value(kubelet.value, "topologyManagerPolicy", "none");
    const std::string cpu = kubelet_value(kubelet.value, "cpuManagerPolicy", "none");
    const std::string memory = kubelet_value(kubelet.value, "memoryManagerPolicy", "None");
    const std::vector<Reading> read = {
        {kKubelet, fmt::format("topologyManagerPolicy {}, cpuManagerPolicy {}, memoryManagerPolicy "
                               "{}",
                               topology, cpu, memory)}};
    if (nodes.size() == 1) return not_applicable("one NUMA node", read);
    const bool together = topology == "single-numa-node" || topology == "restricted";
    if (together && cpu == "static") return ok("the kubelet places pods on one node", read);
    return warn(
        fmt::format("the kubelet does not keep a pod on one NUMA node ({}, {})", topology, cpu),
        read, "memory and GPUs of the far node; aisp machine --ceilings measures it");
  }
  if (kubelet.seen == Text::Seen::kForbidden) return cannot_see(kubelet.why);
  if (evidence.variable("KUBERNETES_SERVICE_HOST") || evidence.facts().container == "kubernetes") {
    if (nodes.empty()) return cannot_see("/sys/devices/system/node: not there or empty");
    return nodes.size() == 1 ? not_applicable("one NUMA node") : pod_placement(evidence, nodes);
  }
  const Text slurm = slurm_config(evidence);
  if (!slurm) return not_applicable("no kubelet and no Slurm here");
  const std::string plugin = Evidence::value_of(slurm.value, "TaskPlugin").value_or("none");
  const std::vector<Reading> read = {{"slurm.conf", "TaskPlugin " + plugin}};
  const bool affinity = plugin.find("affinity") != std::string::npos;
  const bool groups = plugin.find("cgroup") != std::string::npos;
  if (affinity && groups) return ok("Slurm binds tasks and confines them", read);
  return warn(fmt::format("Slurm's TaskPlugin is {}: tasks are not {}", plugin,
                          affinity ? "confined" : "bound"),
              read, "tasks run on each other's cores; --prove critical-thread-pinning measures it",
              {});
}

Finding scheduler_gpu_awareness(const Evidence& evidence) {
  const auto plugins = evidence.list("/var/lib/kubelet/device-plugins");
  if (!plugins.empty()) {
    const bool gpu = std::any_of(plugins.begin(), plugins.end(), [](const std::string& name) {
      return name.starts_with("nvidia") || name.starts_with("amd.com") ||
             name.starts_with("gpu.intel.com");
    });
    const std::vector<Reading> read = {
        {"/var/lib/kubelet/device-plugins", fmt::format("{}", fmt::join(plugins, ", "))}};
    if (gpu) return ok("a GPU device plugin is registered", read);
    if (evidence.facts().gpus.empty()) return not_applicable("no GPU", read);
    return warn("GPUs are here, but no device plugin tells the kubelet", read,
                "pods cannot ask for them, or share them unseen");
  }
  const Text given = evidence.variable("NVIDIA_VISIBLE_DEVICES");
  if (evidence.variable("KUBERNETES_SERVICE_HOST") && !evidence.facts().gpus.empty()) {
    std::vector<Reading> read;
    if (given) read.push_back({"NVIDIA_VISIBLE_DEVICES", given.value});
    if (given && given.value == "all") {
      return warn("the pod sees every GPU of its node: none was given to it by the device plugin",
                  read, "several pods may use one GPU without knowing");
    }
    return given ? ok("the device plugin gave GPUs to this pod", read)
                 : cannot_see("no NVIDIA_VISIBLE_DEVICES: who gave the GPUs is not seen");
  }
  const Text slurm = slurm_config(evidence);
  if (!slurm) return not_applicable("no kubelet and no Slurm here");
  std::vector<std::string> gaps;
  const auto value = [&](const char* key) {
    return Evidence::value_of(slurm.value, key).value_or("");
  };
  if (value("GresTypes").find("gpu") == std::string::npos) gaps.push_back("GresTypes lacks gpu");
  if (value("SelectType").find("cons_tres") == std::string::npos) {
    gaps.push_back("SelectType is not select/cons_tres");
  }
  if (value("TopologyPlugin").empty() ||
      value("TopologyPlugin").find("none") != std::string::npos) {
    gaps.push_back("no TopologyPlugin");
  }
  const std::vector<Reading> read = {
      {"slurm.conf", fmt::format("GresTypes={} SelectType={} TopologyPlugin={}", value("GresTypes"),
                                 value("SelectType"), value("TopologyPlugin"))}};
  if (gaps.empty()) return ok("Slurm knows GPUs and topology", read);
  return warn(fmt::format("Slurm: {}", fmt::join(gaps, ", ")), read,
              "jobs spread over distant GPUs and switches");
}

}  // namespace

std::vector<Probe> orchestration_probes() {
  return {{"orchestrator-numa-policy", orchestrator_numa_policy},
          {"scheduler-gpu-awareness", scheduler_gpu_awareness}};
}

}  // namespace aisp::doctor
