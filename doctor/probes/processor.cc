// The processor and its kernel: release and clock, frequencies, heat, siblings, reserved cores,
// firmware, and what protections cost.
//
// Source: Linux Documentation/admin-guide (pm/cpufreq, hw-vuln, kernel-parameters), the ABI files
// of sysfs-devices-system-cpu, hwmon/sysfs-interface.
#include <fmt/format.h>

#include <algorithm>

#include "doctor/paths.h"
#include "doctor/processors.h"
#include "doctor/tables.h"
#include "doctor/tasks.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::parse_number;
using machine::split;

const std::string kCpu = "/sys/devices/system/cpu";
constexpr std::size_t kMostShown = 8;

// "6.8.0-31-generic" -> 6.8 as {6, 8}.
std::optional<std::pair<int, int>> release_of(const std::string& text) {
  const auto parts = split(text, '.');
  if (parts.size() < 2) return std::nullopt;
  const auto major = parse_number(parts[0]);
  const auto minor = parse_number(parts[1].substr(0, parts[1].find_first_not_of("0123456789")));
  if (!major || !minor || *major < 1 || *major > 1000 || *minor > 1000) return std::nullopt;
  return std::pair(static_cast<int>(*major), static_cast<int>(*minor));
}

// Clocks that are not read in user space: each look at the time is a system call or a device read.
Finding kernel_release(const Evidence& evidence) {
  const Text text = evidence.read("/proc/sys/kernel/osrelease");
  const std::string release = text ? text.value : evidence.facts().kernel;
  const auto numbers = release_of(release);
  if (!numbers) {
    return cannot_see(release.empty() ? text.why : fmt::format("'{}' is no release", release));
  }
  std::vector<Reading> read = {{"/proc/sys/kernel/osrelease", release}};
  const std::string clock_file = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
  const Text clock = evidence.read(clock_file);
  if (clock) read.push_back({clock_file, clock.value});
  for (const char* const slow : {"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit", "xen"}) {
    if (clock && clock.value == slow) {
      return warn(fmt::format("the clock source is {}, not tsc: every look at the time enters the "
                              "kernel",
                              slow),
                  read,
                  "0.2 to 2 us a clock_gettime instead of 0.02 us; aisp machine --ceilings "
                  "measures the timer here",
                  {{Fix::Kind::kWrite, clock_file, "tsc"}});
    }
  }
  const auto [major, minor] = *numbers;
  if (major < 5 || (major == 5 && minor < 15)) {
    return warn(fmt::format("kernel {}.{} is older than 5.15", major, minor), read,
                "no dma-buf RDMA to GPU memory before 5.12, no io_uring fixed buffers at full "
                "speed; the labs of ch05 measure storage here");
  }
  const std::string version = evidence.read("/proc/version").value;
  const char* const preempt = version.find("PREEMPT_RT") != std::string::npos ? ", real-time"
                              : version.find("PREEMPT_DYNAMIC") != std::string::npos
                                  ? ", preemption chosen at boot"
                                  : "";
  return ok(fmt::format("kernel {}.{}{}{}", major, minor, preempt,
                        clock ? ", clock source " + clock.value : std::string()),
            read);
}

struct Wrong {
  std::vector<Reading> read;
  std::vector<Fix> fixes;
  std::size_t looked_at = 0;
};

// Files that should hold `wanted`; the ones that do not, with the write that mends them.
Wrong files_other_than(const Evidence& evidence, const std::string& pattern,
                       const std::string& wanted) {
  Wrong wrong;
  for (const std::string& path : matching_paths(evidence, pattern)) {
    const Text text = evidence.read(path);
    if (!text) continue;
    ++wrong.looked_at;
    if (text.value == wanted) continue;
    if (wrong.read.size() < kMostShown) wrong.read.push_back({path, text.value});
    wrong.fixes.push_back({Fix::Kind::kWrite, path, wanted});
  }
  return wrong;
}

Finding cpu_governor(const Evidence& evidence) {
  const char* const cost =
      "clocks rise milliseconds after the work begins; --prove cpu-governor "
      "measures it here";
  const Wrong governor =
      files_other_than(evidence, kCpu + "/cpu*/cpufreq/scaling_governor", "performance");
  if (governor.looked_at == 0) {
    return not_applicable("no cpufreq here: firmware or a hypervisor sets the clocks");
  }
  if (!governor.fixes.empty()) {
    return warn(fmt::format("governor {} on {} of {} processors", governor.read[0].value,
                            governor.fixes.size(), governor.looked_at),
                governor.read, cost, governor.fixes);
  }
  const Wrong preference = files_other_than(
      evidence, kCpu + "/cpu*/cpufreq/energy_performance_preference", "performance");
  if (!preference.fixes.empty()) {
    return warn(fmt::format("the governor is performance, but the processor is asked for '{}'",
                            preference.read[0].value),
                preference.read, cost, preference.fixes);
  }
  const auto turbo_off = [&](const std::string& file, const char* off, const char* on) {
    const Text text = evidence.read(file);
    if (!text || text.value != off) return Finding();
    return warn("turbo clocks are switched off", {{file, text.value}},
                "the difference of base and turbo clock, 10 to 60 % on one core",
                {{Fix::Kind::kWrite, file, on}});
  };
  for (Finding finding : {turbo_off(kCpu + "/intel_pstate/no_turbo", "1", "0"),
                          turbo_off(kCpu + "/cpufreq/boost", "0", "1")}) {
    if (finding.verdict == Verdict::kWarn) return finding;
  }
  return ok(fmt::format("governor performance on {} processors", governor.looked_at),
            {{kCpu + "/cpu*/cpufreq/scaling_governor", "performance"}});
}

Finding smt_state(const Evidence& evidence) {
  const std::string file = kCpu + "/smt/active";
  const Text active = evidence.read(file);
  if (!active) return cannot_see(active.why);
  if (active.value == "0") return ok("one thread a core", {{file, active.value}});
  if (active.value != "1") {
    return cannot_see(fmt::format("{}: '{}' is neither 0 nor 1", file, active.value.substr(0, 20)));
  }
  std::vector<Reading> read = {{file, active.value}};
  if (evidence.subject().pid == 0) {
    return ok(
        "sibling threads share cores; name a process with --pid to see whether its feeding "
        "threads do",
        read);
  }
  // Feeding threads that are pinned to processors of one core.
  std::map<int, std::vector<std::string>> by_core;
  for (const Task& task : tasks_of_subject(evidence)) {
    if (!feeds_devices(task.process.name) || task.allowed.empty()) continue;
    const std::set<int> cores = physical_cores(evidence, task.allowed);
    if (cores.size() == 1) by_core[*cores.begin()].push_back(task.process.name);
  }
  for (const auto& [core, names] : by_core) {
    if (names.size() < 2) continue;
    read.push_back({evidence.of_subject("task/*/status"),
                    fmt::format("core {}: {}", core, fmt::join(names, ", "))});
    return warn(
        fmt::format("{} feeding threads are pinned to siblings of core {}", names.size(), core),
        read, "two busy siblings give 1.0 to 1.3 cores of work; --prove smt-benefit");
  }
  return ok("sibling threads share cores, no two feeding threads are pinned to one", read);
}

// Temperatures of the processor's own sensors near their limit.
std::vector<Reading> hot_sensors(const Evidence& evidence, std::size_t* looked_at) {
  std::vector<Reading> hot;
  for (const std::string& name : matching_paths(evidence, "/sys/class/hwmon/hwmon*/name")) {
    const std::string driver = evidence.read(name).value;
    if (driver != "coretemp" && driver != "k10temp" && driver != "zenpower") continue;
    const std::string folder = name.substr(0, name.size() - 4);
    for (const std::string& path : matching_paths(evidence, folder + "temp*_input")) {
      const auto now = evidence.number(path);
      const std::string stem = path.substr(0, path.size() - 5);
      const double limit = evidence.number(stem + "crit").value_or(95000.0);
      if (!now || *now < -50000 || *now > 200000) continue;
      ++*looked_at;
      constexpr double kNear = 3000.0;  // thousandths of a degree: sensors are that exact
      if (*now >= limit - kNear) hot.push_back({path, fmt::format("{:g} C", *now / 1000)});
    }
  }
  return hot;
}

Finding cpu_throttle_counters(const Evidence& evidence) {
  std::vector<Reading> grew;
  std::size_t looked_at = 0;
  double since_boot = 0;
  for (const char* const which : {"core", "package"}) {
    const std::string pattern =
        fmt::format("{}/cpu*/thermal_throttle/{}_throttle_count", kCpu, which);
    for (const std::string& path : matching_paths(evidence, pattern)) {
      const auto now = evidence.number(path);
      if (!now) continue;
      ++looked_at;
      since_boot = std::max(since_boot, *now);
      const double before = parse_number(evidence.earlier(path).value).value_or(*now);
      if (*now > before && grew.size() < kMostShown) {
        grew.push_back({path, fmt::format("{:g} -> {:g}", before, *now)});
      }
    }
  }
  if (!grew.empty()) {
    return fail(
        fmt::format("the processor throttled from heat within {:.1f} s", evidence.window_s()), grew,
        "clocks fall to the base clock or below while it lasts; aisp bench marks "
        "such samples");
  }
  std::size_t sensors = 0;
  const std::vector<Reading> hot = hot_sensors(evidence, &sensors);
  if (!hot.empty()) {
    return warn(fmt::format("a processor sensor is at its limit: {}", hot[0].value), hot,
                "the next degree costs clock frequency");
  }
  if (looked_at == 0 && sensors == 0) {
    if (!evidence.facts().hypervisor.empty()) {
      return not_applicable("a virtual machine does not see its host's temperature");
    }
    return cannot_see("no throttle counters and no temperature sensor of the processor");
  }
  return ok(fmt::format("no throttling now; at most {:g} times a core since boot", since_boot),
            {{kCpu + "/cpu*/thermal_throttle/*", fmt::format("{} counters", looked_at)},
             {"/sys/class/hwmon", fmt::format("{} sensors of the processor", sensors)}});
}

// Protections whose share of ordinary work was measured to be large; the others cost a per cent.
struct Costly {
  const char* file;
  const char* words;  // in its state
  const char* cost;
};
constexpr Costly kCostly[] = {
    {"meltdown", "Mitigation: PTI", "each system call changes page tables: 0.1 to 0.4 us more"},
    {"retbleed", "Mitigation: IBRS",
     "each entry into the kernel: up to 30 % of syscall-heavy work"},
    {"gather_data_sampling", "Mitigation: Microcode", "AVX gathers up to 50 % slower (Intel)"},
    {"mds", "SMT disabled", "half of the hardware threads are off"},
};

Finding security_cost(const Evidence& evidence) {
  const std::string folder = kCpu + "/vulnerabilities";
  std::vector<Reading> costly, active;
  std::vector<std::string> costs;
  int known_states = 0;
  for (const std::string& name : evidence.list(folder)) {
    const std::string path = fmt::format("{}/{}", folder, name);
    const Text state = evidence.read(path);
    known_states += state.value.starts_with("Mitigation") ||
                    state.value.starts_with("Not affected") || state.value.starts_with("Vuln");
    if (!state.value.starts_with("Mitigation")) continue;
    active.push_back({path, state.value});
    for (const Costly& known : kCostly) {
      if (name == known.file && state.value.find(known.words) != std::string::npos) {
        costly.push_back({path, state.value});
        costs.push_back(known.cost);
      }
    }
  }
  for (const std::string& path : matching_paths(evidence, "/sys/block/dm-*/dm/uuid")) {
    const Text uuid = evidence.read(path);
    if (uuid && uuid.value.starts_with("CRYPT-")) active.push_back({path, "encrypted volume"});
  }
  const std::string boot = evidence.read("/proc/cmdline").value;
  const bool switched_off = boot.find("mitigations=off") != std::string::npos;
  if (switched_off) active.push_back({"/proc/cmdline", "mitigations=off"});
  if (known_states == 0 && active.empty()) {
    return cannot_see(folder + ": no state of a vulnerability is shown");
  }
  if (!costly.empty()) {
    return warn(fmt::format("{} protections are active, {} of them known to be costly",
                            active.size(), costly.size()),
                costly,
                fmt::format("{}; aisp machine --ceilings measures system calls here. Keep them: "
                            "measure their share, buy hardware with fixes",
                            fmt::join(costs, "; ")));
  }
  if (active.size() > kMostShown) active.resize(kMostShown);
  return ok(switched_off
                ? "mitigations are switched off: they cost nothing, and protect nothing"
                : fmt::format("{} protections are active, none known to be costly", active.size()),
            active);
}

}  // namespace

std::vector<Probe> processor_probes() {
  return {{"kernel-release", kernel_release},
          {"cpu-governor", cpu_governor},
          {"smt-state", smt_state},
          {"cpu-throttle-counters",
           cpu_throttle_counters,
           {"/sys/devices/system/cpu/cpu*/thermal_throttle/core_throttle_count",
            "/sys/devices/system/cpu/cpu*/thermal_throttle/package_throttle_count"}},
          {"security-cost", security_cost}};
}

}  // namespace aisp::doctor
