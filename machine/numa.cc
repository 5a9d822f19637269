// Nodes from sysfs, pages by mbind and move_pages without libnuma. See numa.h.
#include "machine/numa.h"

#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "machine/text_file.h"

namespace aisp::machine {
namespace {

constexpr int kMostNodes = 1024;  // CONFIG_NODES_SHIFT is at most 10

// "0-3,8" as numbers; what is malformed or beyond `limit` is left out.
std::vector<int> parse_list(std::string_view text, int limit) {
  std::vector<int> numbers;
  for (const std::string_view range : split(trim(text), ',')) {
    const std::size_t dash = range.find('-');
    const auto first = parse_number(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_number(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last >= limit) continue;
    for (int i = static_cast<int>(*first); i <= static_cast<int>(*last); ++i) numbers.push_back(i);
  }
  return numbers;
}

std::vector<int> usable_cpus() {
  std::vector<int> cpus;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return cpus;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &mask)) cpus.push_back(i);
  }
  return cpus;
}

std::string set_policy(std::span<std::byte> memory, int policy, std::span<const int> nodes) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(memory.data()) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(memory.data()) + memory.size()) / page * page;
  if (end <= begin) return "";
  unsigned long mask[kMostNodes / (8 * sizeof(unsigned long))] = {};
  for (const int node : nodes) {
    if (node < 0 || node >= kMostNodes) return "no such NUMA node";
    mask[static_cast<std::size_t>(node) / (8 * sizeof(unsigned long))] |=
        1ul << (static_cast<std::size_t>(node) % (8 * sizeof(unsigned long)));
  }
  // The kernel reads one bit less than it is told.
  if (syscall(SYS_mbind, begin, end - begin, policy, mask, kMostNodes + 1, MPOL_MF_MOVE) == 0) {
    return "";
  }
  if (errno == EPERM) return "mbind is forbidden here (the container's seccomp profile)";
  return std::string("mbind: ") + std::strerror(errno);
}

}  // namespace

std::vector<NumaNode> read_numa_nodes(const std::string& root) {
  const std::string folder = root + "/sys/devices/system/node/";
  const std::vector<int> usable = usable_cpus();
  std::vector<NumaNode> nodes;
  const std::string with_memory = read_line(folder + "has_memory").value_or("");
  for (const int id : parse_list(with_memory, kMostNodes)) {
    const auto near = read_line(folder + "node" + std::to_string(id) + "/cpulist");
    NumaNode node{id, {}};
    for (const int cpu : parse_list(near.value_or(""), CPU_SETSIZE)) {
      // A recorded tree is another machine: all of its cores count.
      const bool here = std::find(usable.begin(), usable.end(), cpu) != usable.end();
      if (here || !root.empty()) node.cpus.push_back(cpu);
    }
    nodes.push_back(std::move(node));
  }
  if (nodes.empty()) nodes.push_back({0, usable});
  return nodes;
}

int node_of(const void* address) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  void* pages[] = {
      reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(address) / page * page)};
  int status[] = {-1};
  if (syscall(SYS_move_pages, 0, 1ul, pages, nullptr, status, 0) != 0) return -1;
  return std::max(status[0], -1);
}

std::string place_on_node(std::span<std::byte> memory, int node) {
  return set_policy(memory, MPOL_BIND, {&node, 1});
}

std::string interleave_over(std::span<std::byte> memory, std::span<const NumaNode> nodes) {
  std::vector<int> ids;
  for (const NumaNode& node : nodes) ids.push_back(node.id);
  return set_policy(memory, MPOL_INTERLEAVE, ids);
}

void pin_thread(std::span<const int> cpus) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (const int cpu : cpus) {
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(cpu, &mask);
  }
  if (CPU_COUNT(&mask) > 0) sched_setaffinity(0, sizeof mask, &mask);
}

}  // namespace aisp::machine
