// See processors.h.
#include "doctor/processors.h"

#include <fmt/format.h>

#include <algorithm>

#include "doctor/cgroups.h"
#include "doctor/paths.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

std::set<int> list_at(const Evidence& evidence, const std::string& path) {
  const Text text = evidence.read(path);
  return text ? parse_cpu_list(text.value).value_or(std::set<int>()) : std::set<int>();
}

}  // namespace

std::set<int> online_cpus(const Evidence& evidence) {
  std::set<int> cpus = list_at(evidence, "/sys/devices/system/cpu/online");
  if (!cpus.empty()) return cpus;
  for (const int cpu : evidence.facts().affinity) cpus.insert(cpu);
  return cpus;
}

UsableCpus usable_cpus(const Evidence& evidence) {
  UsableCpus usable;
  const std::string status = evidence.of_subject("status");
  const auto mask = Evidence::value_of(evidence.read(status).value, "Cpus_allowed_list");
  if (mask) usable.allowed = parse_cpu_list(*mask).value_or(std::set<int>());
  if (!usable.allowed.empty()) {
    usable.evidence.push_back({status, "Cpus_allowed_list " + *mask});
  } else {
    usable.allowed = online_cpus(evidence);
  }
  usable.count = static_cast<double>(usable.allowed.size());
  if (const auto quota = cpu_quota(evidence)) {
    usable.quota = quota->cpus;
    usable.evidence.push_back({quota->file, quota->text});
    if (usable.count == 0.0 || quota->cpus < usable.count) usable.count = quota->cpus;
  }
  return usable;
}

std::map<int, std::set<int>> numa_nodes(const Evidence& evidence) {
  std::map<int, std::set<int>> nodes;
  const std::string folder = "/sys/devices/system/node";
  for (const std::string& name : evidence.list(folder)) {
    if (!name.starts_with("node")) continue;
    const auto number = machine::parse_number(name.substr(4));
    if (!number || *number < 0 || *number > 4095) continue;
    nodes[static_cast<int>(*number)] =
        list_at(evidence, fmt::format("{}/{}/cpulist", folder, name));
  }
  return nodes;
}

std::set<int> physical_cores(const Evidence& evidence, const std::set<int>& cpus) {
  std::set<int> cores;
  for (const int cpu : cpus) {
    const std::set<int> siblings = list_at(
        evidence, fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    cores.insert(siblings.empty() ? cpu : *siblings.begin());
  }
  return cores;
}

}  // namespace aisp::doctor
