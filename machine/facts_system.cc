// The operating system's side of a machine: names, limits of this process, where it may run, how
// far its memory nodes are from each other. Files first; the system calls that answer the same
// questions where /proc is not mounted, but never for a recorded tree. Source: proc(5),
// getrlimit(2), sched_getaffinity(2), Linux Documentation/ABI (sysfs-devices-node).
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <charconv>

#include "base/text.h"
#include "machine/facts_parts.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

void read_names(const FileTree& tree, Facts& facts) {
  facts.hostname = tree.line("/proc/sys/kernel/hostname");
  facts.kernel = tree.line("/proc/sys/kernel/osrelease");
  utsname system{};
  if (!tree.recorded() && uname(&system) == 0) {
    if (facts.hostname.empty()) facts.hostname = printable(system.nodename);
    if (facts.kernel.empty()) facts.kernel = printable(system.release);
  }
  for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
    if (!facts.distribution.empty()) break;
    facts.distribution = printable(find_value(tree.bytes(path), "PRETTY_NAME").value_or(""));
  }
}

// The first number of a line of /proc/self/limits, whose columns are separated by spaces:
// "Max open files            1024                 4096                 files".
Maybe<std::uint64_t> soft_limit(std::string_view text, std::string_view name) {
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(name)) continue;
    const std::string_view rest = trim(line.substr(name.size()));
    if (rest.starts_with("unlimited")) return Limits::kUnlimited;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error == std::errc() && end != rest.data()) return value;
  }
  return std::nullopt;
}

void read_limits(const FileTree& tree, Facts& facts) {
  const std::string text = tree.bytes("/proc/self/limits");
  struct Row {
    const char* name;
    decltype(RLIMIT_NOFILE) resource;
    Maybe<std::uint64_t> Limits::*member;
  };
  const Row rows[] = {
      {"Max locked memory", RLIMIT_MEMLOCK, &Limits::locked_memory_bytes},
      {"Max open files", RLIMIT_NOFILE, &Limits::open_files},
      {"Max stack size", RLIMIT_STACK, &Limits::stack_bytes},
      {"Max processes", RLIMIT_NPROC, &Limits::processes},
  };
  for (const Row& row : rows) {
    Maybe<std::uint64_t>& value = facts.limits.*row.member;
    value = soft_limit(text, row.name);
    rlimit limit{};
    if (value || tree.recorded() || getrlimit(row.resource, &limit) != 0) continue;
    value = limit.rlim_cur == RLIM_INFINITY ? Limits::kUnlimited : limit.rlim_cur;
  }
}

void read_affinity(const FileTree& tree, Facts& facts) {
  const std::string status = tree.bytes("/proc/self/status");
  facts.affinity = parse_number_list(find_value(status, "Cpus_allowed_list").value_or(""));
  cpu_set_t mine;
  if (!facts.affinity.empty() || tree.recorded()) return;
  if (sched_getaffinity(0, sizeof mine, &mine) != 0) return;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &mine)) facts.affinity.push_back(i);
  }
}

void read_numa(const FileTree& tree, Facts& facts) {
  const std::string folder = "/sys/devices/system/node";
  for (const std::string& name : tree.names(folder)) {
    if (!name.starts_with("node")) continue;
    const auto number = parse_number(std::string_view(name).substr(4));
    if (!number) continue;
    std::vector<int> row;
    const std::string distances = tree.line(folder + "/" + name + "/distance");
    for (std::string_view word : split(distances, ' ')) {
      if (const auto distance = parse_number(word)) row.push_back(static_cast<int>(*distance));
    }
    facts.numa_nodes.push_back(static_cast<int>(*number));
    facts.numa_distances.push_back(std::move(row));
  }
  if (facts.numa_nodes.empty()) {
    facts.unseen.push_back({"NUMA distances", tree.why_not(folder), ""});
  }
}

// Files that are there and that root alone may read, with what they would tell.
void say_what_root_would_see(const FileTree& tree, Facts& facts) {
  constexpr std::pair<const char*, const char*> kFiles[] = {
      {"/sys/firmware/dmi/entries/17-0/raw", "speed and size of the memory modules"},
      {"/sys/class/powercap/intel-rapl:0/energy_uj", "the energy that the processor takes"},
      {"/dev/cpu/0/msr", "the processor's own reasons for slowing down"},
      {"/sys/kernel/debug", "the kernel's debugging files"},
  };
  for (const auto& [path, tells] : kFiles) {
    if (tree.is_forbidden(path)) facts.unseen.push_back({tells, tree.why_not(path), tells});
  }
}

}  // namespace

void read_system(const FileTree& tree, Facts& facts) {
  read_names(tree, facts);
  read_limits(tree, facts);
  read_affinity(tree, facts);
  read_numa(tree, facts);
  say_what_root_would_see(tree, facts);
}

}  // namespace aisp::machine
