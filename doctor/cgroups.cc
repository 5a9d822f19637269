// See cgroups.h.
#include "doctor/cgroups.h"

#include <fmt/format.h>

#include <algorithm>

#include "doctor/paths.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::parse_number;
using machine::split;

// Version 1 writes "no limit" as a huge number (2^63 less a page): beyond 1 PiB it is that.
constexpr double kNoMemoryLimit = 1024.0 * 1024 * 1024 * 1024 * 1024;

struct Hierarchy {
  std::string root, point;  // the group shown at `point` is `root` of the hierarchy
};

bool has_word(std::string_view list, std::string_view word) {
  const auto words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<Hierarchy> hierarchy_of(std::string_view mountinfo, const std::string& controller) {
  for (const std::string_view line : split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto head = split(line.substr(0, dash), ' ');
    const auto tail = split(line.substr(dash + 3), ' ');
    if (head.size() < 5 || tail.size() < 3) continue;
    const bool match = controller.empty() ? tail[0] == "cgroup2"
                                          : tail[0] == "cgroup" && has_word(tail[2], controller);
    if (match) return Hierarchy{std::string(head[3]), std::string(head[4])};
  }
  return std::nullopt;
}

// "4:cpu,cpuacct:/docker/1a2b" of version 1, "0::/system.slice/x.service" of version 2.
std::optional<std::string> group_of(std::string_view text, const std::string& controller) {
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : has_word(names, controller)) {
      return std::string(line.substr(second + 1));
    }
  }
  return std::nullopt;
}

std::optional<double> positive(std::optional<double> value) {
  return value && *value > 0 ? value : std::nullopt;
}

// "200000 100000" or "max 100000".
std::optional<double> cpus_of(const std::string& cpu_max) {
  const auto words = split(cpu_max, ' ');
  if (words.empty()) return std::nullopt;
  constexpr double kDefaultPeriod = 100000.0;  // us
  const auto quota = positive(parse_number(words[0]));
  const auto period = words.size() > 1 ? positive(parse_number(words[1])) : kDefaultPeriod;
  return quota && period ? std::optional(*quota / *period) : std::nullopt;
}

}  // namespace

std::vector<std::string> cgroup_folders(const Evidence& evidence, const std::string& controller) {
  const auto mount = hierarchy_of(evidence.read("/proc/self/mountinfo").value, controller);
  auto group = group_of(evidence.read(evidence.of_subject("cgroup")).value, controller);
  if (!mount || !group) return {};
  if (mount->root != "/" && group->starts_with(mount->root)) group->erase(0, mount->root.size());
  // A group outside of what our namespace shows: only the mount itself can be read.
  if (group->starts_with("/..")) group->clear();
  std::vector<std::string> folders;
  while (!group->empty() && *group != "/") {
    folders.push_back(mount->point + *group);
    const std::size_t slash = group->rfind('/');
    group->erase(slash == std::string::npos ? 0 : slash);
  }
  folders.push_back(mount->point);
  return folders;
}

std::vector<std::string> cgroup_folders(const Evidence& evidence) {
  std::vector<std::string> all;
  for (const char* const controller : {"", "cpu", "memory"}) {
    for (std::string& folder : cgroup_folders(evidence, controller)) {
      if (std::find(all.begin(), all.end(), folder) == all.end()) all.push_back(std::move(folder));
    }
  }
  return all;
}

std::optional<CpuQuota> cpu_quota(const Evidence& evidence) {
  std::optional<CpuQuota> tightest;
  const auto take = [&](std::optional<double> cpus, std::string file, std::string text) {
    if (!cpus || (tightest && tightest->cpus <= *cpus)) return;
    tightest = CpuQuota{*cpus, std::move(file), std::move(text)};
  };
  for (const std::string& folder : cgroup_folders(evidence, "")) {
    const std::string file = folder + "/cpu.max";
    const Text text = evidence.read(file);
    if (text) take(cpus_of(text.value), file, text.value);
  }
  for (const std::string& folder : cgroup_folders(evidence, "cpu")) {
    const std::string file = folder + "/cpu.cfs_quota_us";
    const auto quota = positive(evidence.number(file));
    const auto period = positive(evidence.number(folder + "/cpu.cfs_period_us"));
    if (quota && period) take(*quota / *period, file, fmt::format("{:g} {:g}", *quota, *period));
  }
  return tightest;
}

std::optional<MemoryLimit> memory_limit(const Evidence& evidence) {
  std::optional<MemoryLimit> tightest;
  const auto look = [&](const char* controller, const char* name) {
    for (const std::string& folder : cgroup_folders(evidence, controller)) {
      const std::string file = fmt::format("{}/{}", folder, name);
      const auto bytes = positive(evidence.number(file));
      if (!bytes || *bytes >= kNoMemoryLimit) continue;
      if (tightest && static_cast<double>(tightest->bytes) <= *bytes) continue;
      tightest = MemoryLimit{static_cast<std::uint64_t>(*bytes), file, folder};
    }
  };
  look("", "memory.max");
  look("memory", "memory.limit_in_bytes");
  return tightest;
}

std::optional<std::set<int>> cgroup_cpus(const Evidence& evidence) {
  const auto first = [&](const char* controller, const char* name) -> std::optional<std::set<int>> {
    for (const std::string& folder : cgroup_folders(evidence, controller)) {
      const Text text = evidence.read(fmt::format("{}/{}", folder, name));
      if (!text || text.value.empty()) continue;
      const auto cpus = parse_cpu_list(text.value);
      if (cpus && !cpus->empty()) return cpus;
    }
    return std::nullopt;
  };
  if (const auto cpus = first("", "cpuset.cpus.effective")) return cpus;
  if (const auto cpus = first("cpuset", "cpuset.effective_cpus")) return cpus;
  return first("cpuset", "cpuset.cpus");
}

}  // namespace aisp::doctor
