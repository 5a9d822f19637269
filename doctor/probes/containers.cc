// Containers: shared memory, locked memory, processor quota, memory limit.
//
// Source: Linux admin-guide/cgroup-v2 (cpu.max, cpu.stat, memory.max, memory.events), cgroup-v1
// (cpu.cfs_quota_us, memory.limit_in_bytes); shm_overview(7).
#include <fmt/format.h>

#include <algorithm>

#include "doctor/cgroups.h"
#include "doctor/limits.h"
#include "doctor/processors.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::parse_number;

constexpr double kMiB = 1024.0 * 1024, kGiB = 1024.0 * kMiB;

bool in_container(const Evidence& evidence) {
  return !evidence.facts().container.empty() || evidence.exists("/.dockerenv") ||
         evidence.exists("/run/.containerenv");
}

Finding container_shm_size(const Evidence& evidence) {
  const auto shm = evidence.file_system("/dev/shm");
  if (!shm) return cannot_see("/dev/shm: its size cannot be read");
  const double bytes = static_cast<double>(shm->total_bytes);
  const std::size_t gpus = evidence.facts().gpus.size();
  const std::vector<Reading> read = {
      {"statvfs /dev/shm", fmt::format("{:.0f} MiB, {:.0f} MiB free", bytes / kMiB,
                                       static_cast<double>(shm->free_bytes) / kMiB)}};
  const bool inside = in_container(evidence);
  const char* const cost =
      "loader workers die with a bus error, or pass batches through files; "
      "collectives fall back to sockets";
  if (bytes <= 64 * kMiB) {
    return fail(fmt::format("only {:.0f} MiB of shared memory{}", bytes / kMiB,
                            inside ? ": the container has neither --ipc=host nor --shm-size" : ""),
                read, cost);
  }
  if (gpus > 0 && bytes < kGiB * static_cast<double>(gpus)) {
    return warn(fmt::format("{:.2f} GiB of shared memory for {} GPUs", bytes / kGiB, gpus), read,
                cost);
  }
  return ok(fmt::format("{:.1f} GiB of shared memory", bytes / kGiB), read);
}

Finding container_memlock(const Evidence& evidence) {
  if (!in_container(evidence)) return not_applicable("not in a container, as far as can be seen");
  std::string why;
  const auto locked = locked_memory(evidence, &why);
  return locked ? judge_locked_memory(evidence, *locked) : cannot_see(why);
}

struct Throttling {
  double periods = 0, throttled = 0, grew = 0;
  std::string file;
};

// The group on the way up that was throttled most.
Throttling throttling(const Evidence& evidence) {
  Throttling most;
  for (const std::string& folder : cgroup_folders(evidence)) {
    const std::string file = folder + "/cpu.stat";
    const Text text = evidence.read(file);
    const auto value = [](const std::string& lines, const char* key) {
      return Evidence::number_of(lines, key).value_or(0.0);
    };
    Throttling here;
    here.file = file;
    here.periods = value(text.value, "nr_periods");
    here.throttled = value(text.value, "nr_throttled");
    const Text before = evidence.earlier(file);
    if (before) here.grew = here.throttled - value(before.value, "nr_throttled");
    if (here.grew > most.grew || (here.grew == most.grew && here.throttled > most.throttled)) {
      most = here;
    }
  }
  return most;
}

Finding container_cpu_quota(const Evidence& evidence) {
  if (cgroup_folders(evidence).empty()) {
    return cannot_see("/proc/self/cgroup and mountinfo show no control group");
  }
  const auto quota = cpu_quota(evidence);
  std::vector<Reading> read;
  const auto cpus = cgroup_cpus(evidence);
  if (!quota) {
    const std::size_t online = online_cpus(evidence).size();
    const bool own = cpus && online > 0 && cpus->size() < online;
    return own ? ok(fmt::format("no quota, and a cpuset of {} of {} processors (as a static CPU "
                                "manager gives)",
                                cpus->size(), online))
               : ok("no CPU quota");
  }
  read.push_back({quota->file, quota->text});
  const Throttling seen = throttling(evidence);
  if (!seen.file.empty()) {
    read.push_back({seen.file, fmt::format("nr_periods {:g}, nr_throttled {:g} (+{:g})",
                                           seen.periods, seen.throttled, seen.grew)});
  }
  if (seen.grew > 0) {
    return fail(fmt::format("the quota of {:g} processors stopped the group {:g} times in {:.1f} s",
                            quota->cpus, seen.grew, evidence.window_s()),
                read,
                "each time up to 100 ms in which no thread runs; lab ch03:docker measures it");
  }
  if (seen.periods > 0 && seen.throttled > 0.1 * seen.periods) {
    return warn(fmt::format("the quota of {:g} processors stopped the group in {:.0f} % of periods",
                            quota->cpus, seen.throttled / seen.periods * 100),
                read,
                "each time up to 100 ms in which no thread runs; lab ch03:docker measures it");
  }
  return ok(fmt::format("a quota of {:g} processors, not reached", quota->cpus), read);
}

// Counters of memory.events that grew, and whether the kernel has killed here before.
struct Events {
  std::vector<Reading> grew;
  double kills = 0;
};
Events memory_events(const Evidence& evidence, const std::string& folder) {
  Events events;
  const std::string file = folder + "/memory.events";
  const std::string now = evidence.read(file).value, before = evidence.earlier(file).value;
  for (const char* const key : {"high", "max", "oom_kill"}) {
    const double last = Evidence::number_of(now, key).value_or(0.0);
    const double first = Evidence::number_of(before, key).value_or(last);
    if (last > first)
      events.grew.push_back({file, fmt::format("{} {:g} -> {:g}", key, first, last)});
    if (std::string(key) == "oom_kill") events.kills = last;
  }
  return events;
}

Finding container_memory_limit(const Evidence& evidence) {
  if (cgroup_folders(evidence).empty()) {
    return cannot_see("/proc/self/cgroup and mountinfo show no control group");
  }
  const auto limit = memory_limit(evidence);
  if (!limit) return ok("no memory limit");
  const double most = static_cast<double>(limit->bytes);
  std::vector<Reading> read = {{limit->file, fmt::format("{:.2f} GiB", most / kGiB)}};
  const bool second = limit->file.ends_with("memory.max");
  const std::string used_file =
      limit->folder + (second ? "/memory.current" : "/memory.usage_in_bytes");
  const auto used = evidence.number(used_file);
  const Events events = memory_events(evidence, limit->folder);
  if (!events.grew.empty()) {
    read.insert(read.end(), events.grew.begin(), events.grew.end());
    return fail("the group is at its memory limit now: the kernel takes pages back", read,
                "evicted pages are read again; lab ch03:docker_memory measures it");
  }
  if (events.kills > 0) {
    read.push_back({limit->folder + "/memory.events", fmt::format("oom_kill {:g}", events.kills)});
    return warn(fmt::format("{:g} processes were killed here for memory", events.kills), read,
                "the work of the killed process");
  }
  if (!used) return cannot_see(used_file + ": not there or no number");
  // Cache that was not used lately can go without harm; the rest is what the work holds.
  const std::string stat = evidence.read(limit->folder + "/memory.stat").value;
  const double idle_bytes =
      Evidence::number_of(stat, second ? "inactive_file" : "total_inactive_file").value_or(0.0);
  const double held = std::max(0.0, *used - idle_bytes);
  read.push_back({used_file, fmt::format("{:.2f} GiB, of it {:.2f} GiB idle cache", *used / kGiB,
                                         idle_bytes / kGiB)});
  const std::string says =
      fmt::format("{:.0f} % of the limit of {:.1f} GiB is held", held / most * 100, most / kGiB);
  if (held > 0.9 * most) {
    return warn(says, read, "no room for page cache: files are read from disk each time");
  }
  return ok(says, read);
}

}  // namespace

std::vector<Probe> container_probes() {
  return {{"container-shm-size", container_shm_size},
          {"container-memlock", container_memlock},
          {"container-cpu-quota", container_cpu_quota, {"{cgroup}/cpu.stat"}},
          {"container-memory-limit", container_memory_limit, {"{cgroup}/memory.events"}}};
}

}  // namespace aisp::doctor
