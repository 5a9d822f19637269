// See process_group.h.
#include "doctor/proofs/process_group.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "base/error.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::split;

struct Hierarchy {
  std::string folder;  // of our own group
  bool unified = false;
};

bool lists(std::string_view text, char separator, std::string_view word) {
  for (const auto one : split(text, separator)) {
    if (one == word) return true;
  }
  return false;
}

// Our group in the hierarchy that has the controller: version 1 first, where both are mounted.
Hierarchy find_hierarchy(const std::string& controller) {
  const std::string mounts = machine::read_text("/proc/self/mountinfo").value_or("");
  const std::string self = machine::read_text("/proc/self/cgroup").value_or("");
  Hierarchy found;
  for (const auto line : split(mounts, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto head = split(line.substr(0, dash), ' '), tail = split(line.substr(dash + 3), ' ');
    if (head.size() < 5 || tail.size() < 3) continue;
    const bool old = tail[0] == "cgroup" && lists(tail[2], ',', controller);
    if (!old && (tail[0] != "cgroup2" || !found.folder.empty())) continue;
    for (const auto group : split(self, '\n')) {
      const auto words = split(group, ':');
      if (words.size() < 3) continue;
      if (old ? !lists(words[1], ',', controller) : !words[1].empty()) continue;
      std::string path(group.substr(words[0].size() + words[1].size() + 2));
      if (head[3] != "/" && path.starts_with(head[3])) path.erase(0, head[3].size());
      found = {std::string(head[4]) + (path == "/" ? "" : path), !old};
    }
    if (old && !found.folder.empty()) break;
  }
  return found;
}

bool put(const std::string& path, const std::string& value) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = write(file, value.data(), value.size()) == static_cast<ssize_t>(value.size());
  const int failure = errno;
  close(file);
  errno = failure;
  return done;
}

constexpr const char* kRemedy =
    "run as root where control groups are writable (systemd-run --scope -p Delegate=yes)";

// Where a child group could get this controller; throws when it could not.
std::string parent_for(const std::string& controller, bool* unified) {
  const Hierarchy hierarchy = find_hierarchy(controller);
  if (hierarchy.folder.empty()) {
    throw Error("no hierarchy has it", "cgroup controller " + controller, kRemedy);
  }
  *unified = hierarchy.unified;
  if (hierarchy.unified) {
    const auto given = machine::read_line(hierarchy.folder + "/cgroup.subtree_control");
    if (!lists(given.value_or(""), ' ', controller)) {
      throw Error("it is not handed on to child groups", "cgroup controller " + controller,
                  kRemedy);
    }
  }
  return hierarchy.folder;
}

std::string why_no_group(double cpus, double memory_bytes) {
  try {
    const ProcessGroup group(cpus, memory_bytes);
    return "";
  } catch (const Error& problem) {
    return problem.what();
  }
}

}  // namespace

ProcessGroup::ProcessGroup(double cpus, double memory_bytes) {
  bool unified = false;
  const std::string parent = parent_for(cpus > 0.0 ? "cpu" : "memory", &unified);
  static std::atomic<int> made{0};
  const std::string folder = fmt::format("{}/aisp-{}-{}", parent, getpid(), made++);
  if (mkdir(folder.c_str(), 0755) != 0) throw Error(std::strerror(errno), folder, kRemedy);
  folder_ = folder;
  bool done = true;
  if (cpus > 0.0) {
    // Periods of 20 ms, so that a proof of a second sees many of them; 1 ms is the kernel's least.
    const auto quota = static_cast<long>(20000.0 * cpus);
    done = unified ? put(folder + "/cpu.max", fmt::format("{} 20000", quota))
                   : put(folder + "/cpu.cfs_period_us", "20000") &&
                         put(folder + "/cpu.cfs_quota_us", fmt::to_string(quota));
  }
  if (done && memory_bytes > 0.0) {
    done = put(folder + (unified ? "/memory.max" : "/memory.limit_in_bytes"),
               fmt::to_string(static_cast<long>(memory_bytes)));
  }
  if (done) return;
  const std::string problem = std::strerror(errno);
  rmdir(folder.c_str());
  throw Error(problem, folder, kRemedy);
}

ProcessGroup::~ProcessGroup() {
  // A process that has just ended may still be counted for a moment.
  for (int i = 0; i < 100; ++i) {
    if (rmdir(folder_.c_str()) == 0 || errno != EBUSY) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

std::string why_no_quota() { return why_no_group(0.5, 0.0); }
std::string why_no_memory_limit() { return why_no_group(0.0, 64.0 * 1024 * 1024); }

}  // namespace aisp::doctor
