// Control-group limits. See cgroup.h.
#include "machine/cgroup.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "machine/text_file.h"

namespace aisp::machine {
namespace {

// Version 1 writes "no limit" as a huge number (2^63 less a page): anything beyond 1 PiB is that.
constexpr double kNoMemoryLimit = 1024.0 * 1024 * 1024 * 1024 * 1024;

struct Mount {
  std::string root, point;  // the group shown at `point` is `root` of the hierarchy
};

bool has_word(std::string_view list, std::string_view word) {
  const auto words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Where `controller` of version 1 (empty: version 2) is mounted.
std::optional<Mount> find_mount(std::string_view mountinfo, std::string_view controller) {
  for (std::string_view line : split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto head = split(line.substr(0, dash), ' ');
    const auto tail = split(line.substr(dash + 3), ' ');
    if (head.size() < 5 || tail.size() < 3) continue;
    const bool match = controller.empty() ? tail[0] == "cgroup2"
                                          : tail[0] == "cgroup" && has_word(tail[2], controller);
    if (match) return Mount{std::string(head[3]), std::string(head[4])};
  }
  return std::nullopt;
}

// The path of this process in the hierarchy of `controller` (empty: version 2).
std::optional<std::string> find_path(std::string_view self, std::string_view controller) {
  for (std::string_view line : split(self, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool match = controller.empty() ? controllers.empty() : has_word(controllers, controller);
    if (match) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

// Folders from this process's group up to the mount point.
std::vector<std::string> group_folders(const std::string& root, std::string_view mountinfo,
                                       std::string_view self, std::string_view controller) {
  const auto mount = find_mount(mountinfo, controller);
  auto path = find_path(self, controller);
  if (!mount || !path) return {};
  if (mount->root != "/" && path->starts_with(mount->root)) path->erase(0, mount->root.size());
  const std::string top = root + mount->point;
  std::vector<std::string> folders;
  while (!path->empty() && *path != "/") {
    const std::string folder = top + *path;
    std::error_code ignored;  // a container may show a path that only its host can see
    if (std::filesystem::is_directory(folder, ignored)) folders.push_back(folder);
    path->erase(path->rfind('/'));
  }
  folders.push_back(top);
  return folders;
}

void tighten(double& limit, std::optional<double> candidate) {
  if (candidate && *candidate > 0 && (limit <= 0 || *candidate < limit)) limit = *candidate;
}

}  // namespace

std::vector<std::string> cgroup_folders(const std::string& controller, const std::string& root) {
  return group_folders(root, read_text(root + "/proc/self/mountinfo").value_or(""),
                       read_text(root + "/proc/self/cgroup").value_or(""), controller);
}

CgroupLimits read_cgroup_limits(const std::string& root) {
  const std::string mountinfo = read_text(root + "/proc/self/mountinfo").value_or("");
  const std::string self = read_text(root + "/proc/self/cgroup").value_or("");
  const auto number = [](const std::string& path) -> std::optional<double> {
    const auto line = read_line(path);
    return line ? parse_number(*line) : std::nullopt;
  };
  double cpus = 0.0, memory = 0.0;
  for (const std::string& folder : group_folders(root, mountinfo, self, "")) {
    const std::string quota = read_line(folder + "/cpu.max").value_or("max");
    const auto words = split(quota, ' ');
    const auto time = parse_number(words[0]);
    const auto period = words.size() > 1 ? parse_number(words[1]) : 100000.0;
    if (time && period && *period > 0) tighten(cpus, *time / *period);
    tighten(memory, number(folder + "/memory.max"));
  }
  for (const std::string& folder : group_folders(root, mountinfo, self, "cpu")) {
    const auto time = number(folder + "/cpu.cfs_quota_us");
    const auto period = number(folder + "/cpu.cfs_period_us");
    if (time && period && *period > 0) tighten(cpus, *time / *period);
  }
  for (const std::string& folder : group_folders(root, mountinfo, self, "memory")) {
    tighten(memory, number(folder + "/memory.limit_in_bytes"));
  }
  if (memory >= kNoMemoryLimit) memory = 0.0;
  return {cpus, static_cast<std::size_t>(memory)};
}

}  // namespace aisp::machine
