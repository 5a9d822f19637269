// Folders, limits and the keeper of a control group. See control_group.h.
#include "machine/control_group.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "machine/cgroup.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

constexpr const char* kPrefix = "aisp-";
constexpr const char* kRemedy = "run as root where /sys/fs/cgroup is writable";

[[noreturn]] void refuse(const std::string& where) {
  const bool permission = errno == EACCES || errno == EPERM || errno == EROFS;
  throw Error(permission ? "control groups are not writable" : std::strerror(errno), where,
              kRemedy);
}

void write_value(const std::string& path, const std::string& value) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) refuse(path);
  const bool written = write(file, value.data(), value.size()) == std::ssize(value);
  const int error = errno;
  close(file);
  errno = error;
  if (!written) refuse(path);
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool has_word(std::string_view text, std::string_view word) {
  const auto words = split(text, ' ');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Where a group with `controller` can be made: version 1, this process's own group; version 2, the
// nearest group whose children have it, since a group with processes cannot give it to its own.
std::string parent_for(const std::string& controller) {
  const auto first = cgroup_folders(controller);
  if (!first.empty()) return first.front();
  for (const std::string& folder : cgroup_folders("")) {
    const auto passed_on = read_line(folder + "/cgroup.subtree_control");
    if (passed_on && has_word(*passed_on, controller)) return folder;
  }
  throw Error("no control group here passes on the controller '" + controller + "'",
              "/sys/fs/cgroup", "mount it, or enable it in cgroup.subtree_control above");
}

// "aisp-<pid>-<serial>" of processes that are gone. A group that is not empty stays.
void remove_stale(const std::string& parent) {
  DIR* folder = opendir(parent.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(kPrefix)) continue;
    const long pid = std::strtol(entry->d_name + std::strlen(kPrefix), nullptr, 10);
    if (pid <= 0 || exists("/proc/" + std::to_string(pid))) continue;
    rmdir((parent + "/" + entry->d_name).c_str());
  }
  closedir(folder);
}

// Closes everything but `kept`, which becomes descriptor 0: a keeper must hold open nothing that
// somebody waits for the end of.
void close_all_but(int kept) {
  dup2(kept, 0);
#if defined(SYS_close_range)
  if (syscall(SYS_close_range, 1u, ~0u, 0u) == 0) return;
#endif
  for (int i = 1; i < 65536; ++i) close(i);
}

}  // namespace

std::string ControlGroup::why_not(const Limits& limits) {
  try {
    const ControlGroup group(limits);
    return "";
  } catch (const Error& error) {
    return error.problem() + " (" + error.where() + ")";
  }
}

ControlGroup::ControlGroup(const Limits& limits) {
  try {
    if (limits.cpus > 0.0) make_folder("cpu");
    if (limits.memory_bytes > 0) make_folder("memory");
    set_limits(limits);
    start_keeper();
  } catch (...) {
    remove();
    throw;
  }
}

ControlGroup::~ControlGroup() {
  if (lifeline_ >= 0) close(lifeline_);
  if (keeper_ > 0) {
    while (waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

void ControlGroup::make_folder(const std::string& controller) {
  static std::atomic<int> serial{0};
  const std::string parent = parent_for(controller);
  // In version 2 one folder has all controllers.
  for (const std::string& folder : folders_) {
    if (folder.starts_with(parent + "/") && exists(folder + "/" + controller + ".max")) return;
  }
  remove_stale(parent);
  const std::string folder =
      parent + "/" + kPrefix + std::to_string(getpid()) + "-" + std::to_string(serial++);
  if (mkdir(folder.c_str(), 0755) != 0) refuse(parent);
  folders_.push_back(folder);
  doors_.push_back(folder + "/cgroup.procs");
}

void ControlGroup::set_limits(const Limits& limits) {
  const std::string quota =
      std::to_string(std::llround(limits.cpus * static_cast<double>(limits.period_us)));
  const std::string period = std::to_string(limits.period_us);
  const std::string bytes = std::to_string(limits.memory_bytes);
  for (const std::string& folder : folders_) {
    if (limits.cpus > 0.0 && exists(folder + "/cpu.max")) {
      write_value(folder + "/cpu.max", quota + " " + period);
    }
    if (limits.cpus > 0.0 && exists(folder + "/cpu.cfs_quota_us")) {
      write_value(folder + "/cpu.cfs_period_us", period);
      write_value(folder + "/cpu.cfs_quota_us", quota);
    }
    for (const char* name : {"/memory.max", "/memory.limit_in_bytes"}) {
      if (limits.memory_bytes > 0 && exists(folder + name)) write_value(folder + name, bytes);
    }
  }
}

// The keeper is a session of its own, so that what ends our process group does not end it. It
// sleeps on the pipe until the last copy of the other end is closed, then removes the folders as
// soon as they are empty: children of ours may take a moment to die. System calls only.
void ControlGroup::start_keeper() {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) refuse("pipe");
  std::vector<const char*> paths;
  for (const std::string& folder : folders_) paths.push_back(folder.c_str());
  keeper_ = fork();
  if (keeper_ < 0) {
    const int error = errno;
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    errno = error;
    refuse("fork");
  }
  if (keeper_ == 0) {
    setsid();
    close_all_but(pipe_ends[0]);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) signal(number, SIG_IGN);
    char nothing = 0;
    while (read(0, &nothing, 1) < 0 && errno == EINTR) {
    }
    bool left = true;
    for (int attempt = 0; left && attempt < 5000; ++attempt) {
      left = false;
      for (const char* path : paths) {
        if (rmdir(path) != 0 && errno == EBUSY) left = true;
      }
      if (left) usleep(1000);
    }
    _exit(left ? 1 : 0);
  }
  close(pipe_ends[0]);
  lifeline_ = pipe_ends[1];
}

void ControlGroup::remove() const {
  for (const std::string& folder : folders_) rmdir(folder.c_str());
}

bool ControlGroup::enter() const {
  for (const std::string& door : doors_) {
    const int file = open(door.c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    const bool in = write(file, "0", 1) == 1;
    close(file);
    if (!in) return false;
  }
  return true;
}

std::int64_t ControlGroup::throttled() const {
  for (const std::string& folder : folders_) {
    const auto text = read_text(folder + "/cpu.stat").value_or("");
    for (const std::string_view line : split(text, '\n')) {
      constexpr std::string_view kName = "nr_throttled ";
      if (!line.starts_with(kName)) continue;
      const auto count = parse_number(line.substr(kName.size()));
      if (count) return static_cast<std::int64_t>(*count);
    }
  }
  return -1;
}

}  // namespace aisp::machine
