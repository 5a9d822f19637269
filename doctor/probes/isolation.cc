// Processors that are kept for the work, and what else runs there: isolated cores, cores for the
// system, the cores of a server.
//
// Source: Linux admin-guide/kernel-parameters (isolcpus, nohz_full, rcu_nocbs), proc_interrupts(5),
// admin-guide/cgroup-v2 (cpuset.cpus.partition), systemd-system.conf(5).
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "doctor/cgroups.h"
#include "doctor/paths.h"
#include "doctor/processors.h"
#include "doctor/tables.h"
#include "doctor/tasks.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::parse_number;
using machine::split;

std::string shown(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 8;
  const auto end = names.begin() + static_cast<long>(std::min(names.size(), kMost));
  return fmt::format("{}{}", fmt::join(names.begin(), end, ", "),
                     end != names.end() ? ", ..." : "");
}

// Processes that were busy on `cpus` in the window, other than the subject's and the kernel's own.
std::vector<std::string> busy_on(const Evidence& evidence, const std::set<int>& cpus) {
  constexpr double kBusy = 0.05;  // of a processor: five ticks of a hundred
  const std::set<int> family =
      evidence.subject().pid != 0 ? family_of_subject(evidence) : std::set<int>();
  std::vector<std::string> names;
  for (const Process& process : processes(evidence)) {
    if (process.kernel || family.contains(process.pid)) continue;
    const double busy = busy_cpus(evidence, process);
    if (busy < kBusy || !cpus.contains(process.last_cpu)) continue;
    names.push_back(fmt::format("{} ({:.0f} % on {})", process.name, busy * 100, process.last_cpu));
  }
  return names;
}

// Interrupts of devices that grew on `cpus` in the window, other than the processor's own.
std::vector<std::string> interrupts_on(const Evidence& evidence, const std::set<int>& cpus) {
  const auto rows = [](const Text& text) {
    std::map<std::string, std::vector<double>> counts;
    for (const auto line : split(text.value, '\n')) {
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      const auto number = parse_number(line.substr(0, colon));
      if (!number) continue;  // NMI, LOC ...: every processor has those
      auto& row = counts[fmt::format("{:g}", *number)];
      for (const auto word : split(line.substr(colon + 1), ' ')) {
        if (word.empty()) continue;
        const auto count = parse_number(word);
        if (!count) break;
        row.push_back(*count);
      }
    }
    return counts;
  };
  const auto before = rows(evidence.earlier("/proc/interrupts"));
  std::vector<std::string> grew;
  for (const auto& [number, now] : rows(evidence.read("/proc/interrupts"))) {
    const auto then = before.find(number);
    if (then == before.end()) continue;
    for (const int cpu : cpus) {
      const auto at = static_cast<std::size_t>(cpu);
      if (at >= now.size() || at >= then->second.size()) continue;
      const double more = now[at] - then->second[at];
      constexpr double kMany = 10;
      if (more >= kMany)
        grew.push_back(fmt::format("interrupt {} (+{:g} on {})", number, more, cpu));
    }
  }
  return grew;
}

Finding housekeeping_cores(const Evidence& evidence) {
  const std::set<int> online = online_cpus(evidence);
  if (online.empty()) return cannot_see("/sys/devices/system/cpu/online: not there");
  const std::string file = "/sys/devices/system/cpu/isolated";
  const Text isolated_text = evidence.read(file);
  const auto isolated = parse_cpu_list(isolated_text.value).value_or(std::set<int>());
  if (!isolated.empty()) {
    std::vector<Reading> read = {{file, isolated_text.value}};
    std::vector<std::string> noise = busy_on(evidence, isolated);
    const std::vector<std::string> interrupts = interrupts_on(evidence, isolated);
    noise.insert(noise.end(), interrupts.begin(), interrupts.end());
    if (noise.empty()) return ok(fmt::format("{} isolated cores are quiet", isolated.size()), read);
    read.push_back({"/proc/*/stat, /proc/interrupts", shown(noise)});
    return warn(fmt::format("the isolated cores {} are not quiet", cpu_list_text(isolated)), read,
                "each interruption is 1 to 20 us, a process milliseconds");
  }
  std::vector<Reading> read = {{file, isolated_text.value}};
  const std::string boot = evidence.read("/proc/cmdline").value;
  const std::string manager = evidence.read("/etc/systemd/system.conf").value;
  const bool affinity = Evidence::value_of(manager, "CPUAffinity").has_value();
  bool partition = false;
  for (const std::string& folder : cgroup_folders(evidence, "")) {
    const Text kind = evidence.read(folder + "/cpuset.cpus.partition");
    partition = partition || (kind && (kind.value == "root" || kind.value == "isolated"));
  }
  const Text tickless = evidence.read("/sys/devices/system/cpu/nohz_full");
  const bool quiet = tickless && !tickless.value.empty() && tickless.value != "(null)";
  if (affinity || partition || quiet || boot.find("rcu_nocbs=") != std::string::npos) {
    return ok("the system has processors of its own (CPUAffinity, a cpuset partition or nohz_full)",
              read);
  }
  constexpr std::size_t kManyCpus = 16;
  if (online.size() < kManyCpus) {
    return not_applicable(fmt::format("{} processors: too few to keep one free", online.size()));
  }
  if (evidence.facts().gpus.empty() && evidence.subject().pid == 0) {
    return not_applicable("no GPU to feed and no --pid to protect");
  }
  return warn(
      fmt::format("none of {} processors is kept for the system", online.size()), read,
      "daemons and interrupts delay feeding threads; --prove critical-thread-pinning measures it");
}

Finding server_cpu_isolation(const Evidence& evidence) {
  if (evidence.subject().pid == 0) return not_applicable("no --pid given");
  const UsableCpus usable = usable_cpus(evidence);
  if (usable.allowed.empty()) return cannot_see(evidence.of_subject("status") + ": no mask");
  std::vector<Reading> read = usable.evidence;
  const std::vector<std::string> others = busy_on(evidence, usable.allowed);
  const bool pinned = usable.allowed.size() < online_cpus(evidence).size();
  if (others.empty()) {
    return ok(pinned ? "pinned, and nobody else was busy there" : "not pinned, but alone", read);
  }
  read.push_back({"/proc/*/stat", shown(others)});
  return warn(fmt::format("{} other processes are busy on its processors{}", others.size(),
                          pinned ? "" : "; it is pinned to none"),
              read, "their time slices of 1 to 4 ms appear in the tail of latencies");
}

}  // namespace

std::vector<Probe> isolation_probes() {
  return {{"housekeeping-cores", housekeeping_cores, {"/proc/*/stat", "/proc/interrupts"}},
          {"server-cpu-isolation", server_cpu_isolation, {"/proc/*/stat"}}};
}

}  // namespace aisp::doctor
