// See process_settings.h.
#include "doctor/proofs/process_settings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "doctor/paths.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// From linux/mempolicy.h, which comes with libnuma's package and not with the kernel's headers
// everywhere.
constexpr int kBind = 2, kInterleave = 3, kLocal = 4;

[[noreturn]] void malformed(const std::string& name, const std::string& value) {
  throw Error(fmt::format("'{}' is not a value of it", value), "process setting " + name, "");
}

void require(bool done, const std::string& name) {
  if (!done) throw Error(std::strerror(errno), "process setting " + name, "");
}

long number_of(const std::string& name, const std::string& value) {
  const auto number = machine::parse_number(value);
  if (!number) malformed(name, value);
  return static_cast<long>(*number);
}

std::set<int> list_of(const std::string& name, const std::string& value) {
  const auto list = parse_cpu_list(value);
  if (!list || list->empty()) malformed(name, value);
  return *list;
}

void set_cpus(const std::string& name, const std::string& value) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : list_of(name, value)) {
    if (cpu >= CPU_SETSIZE) malformed(name, value);
    CPU_SET(cpu, &set);
  }
  require(sched_setaffinity(0, sizeof set, &set) == 0, name);
}

void set_policy(const std::string& name, const std::string& value) {
  const Words known = {{"other", "0"}, {"fifo", "1"}, {"batch", "3"}, {"idle", "5"}};
  const auto found = known.find(value);
  if (found == known.end()) malformed(name, value);
  const int policy = std::stoi(found->second);
  sched_param parameters{};
  parameters.sched_priority = policy == SCHED_FIFO ? 1 : 0;
  require(sched_setscheduler(0, policy, &parameters) == 0, name);
}

void set_limit(const std::string& name, const std::string& value) {
  const auto resource = name == "memlock" ? RLIMIT_MEMLOCK : RLIMIT_NOFILE;
  rlimit limit{};
  getrlimit(resource, &limit);
  limit.rlim_cur = value == "hard" ? limit.rlim_max : static_cast<rlim_t>(number_of(name, value));
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max) {
    limit.rlim_max = limit.rlim_cur;
  }
  require(setrlimit(resource, &limit) == 0, name);
}

void set_mempolicy(const std::string& name, const std::string& value) {
  const std::size_t colon = value.find(':');
  const std::string mode = value.substr(0, colon);
  unsigned long nodes[16] = {};
  constexpr unsigned kBits = 8 * sizeof(unsigned long);
  if (mode != "local") {
    if (colon == std::string::npos) malformed(name, value);
    for (const int node : list_of(name, value.substr(colon + 1))) {
      if (node >= static_cast<int>(16 * kBits)) malformed(name, value);
      nodes[static_cast<unsigned>(node) / kBits] |= 1ul << (static_cast<unsigned>(node) % kBits);
    }
  }
  const int which = mode == "bind"         ? kBind
                    : mode == "interleave" ? kInterleave
                    : mode == "local"      ? kLocal
                                           : -1;
  if (which < 0) malformed(name, value);
  require(syscall(SYS_set_mempolicy, which, which == kLocal ? nullptr : nodes,
                  which == kLocal ? 0ul : 16ul * kBits) == 0,
          name);
}

// From linux/sched/types.h, which cannot be included beside glibc's sched.h before glibc 2.41.
struct SchedulingAttributes {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
  std::uint32_t util_min, util_max;
};

void set_uclamp(const std::string& name, const std::string& value) {
  SchedulingAttributes attributes{};
  attributes.size = sizeof attributes;
  attributes.flags = SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS | SCHED_FLAG_UTIL_CLAMP_MIN;
  attributes.util_min = static_cast<std::uint32_t>(number_of(name, value));
  require(syscall(SYS_sched_setattr, 0, &attributes, 0) == 0, name);
}

void join_group(const std::string& name, const std::string& folder) {
  const int file = open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
  require(file >= 0, name);
  const bool joined = write(file, "0", 1) == 1;
  const int failure = errno;
  close(file);
  errno = failure;
  require(joined, name);
}

void apply(const std::string& name, const std::string& value) {
  if (name == "thp") {
    if (value != "never") malformed(name, value);
    return require(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0, name);
  }
  if (name == "cpus") return set_cpus(name, value);
  if (name == "nice") {
    const int nice = static_cast<int>(number_of(name, value));
    return require(setpriority(PRIO_PROCESS, 0, nice) == 0, name);
  }
  if (name == "policy") return set_policy(name, value);
  if (name == "memlock" || name == "nofile") return set_limit(name, value);
  if (name == "mempolicy") return set_mempolicy(name, value);
  if (name == "timer_slack") {
    return require(prctl(PR_SET_TIMERSLACK, number_of(name, value), 0, 0, 0) == 0, name);
  }
  if (name == "store_bypass") {
    if (value != "off") malformed(name, value);
    return require(prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_DISABLE, 0, 0) == 0,
                   name);
  }
  if (name == "uclamp_min") return set_uclamp(name, value);
  if (name == "cgroup") return join_group(name, value);
  throw Error("there is no such setting", "process setting " + name, "");
}

}  // namespace

void apply_to_this_process(const Words& settings) {
  for (const auto& [name, value] : settings) apply(name, value);
}

std::string why_not_allowed(const Words& settings) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      apply_to_this_process(settings);
      _exit(0);
    } catch (...) {
      _exit(errno > 0 && errno < 126 ? errno : 126);
    }
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) < 0) return std::strerror(errno);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  std::string names;
  for (const auto& [name, value] : settings) {
    names += (names.empty() ? "" : ", ") + name + "=" + value;
  }
  const int failure = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
  return fmt::format("a process may not set {} here: {}", names, std::strerror(failure));
}

}  // namespace aisp::doctor
