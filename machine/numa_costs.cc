// Costs of memory by node: latency and bandwidth from the cores of each NUMA node to the memory of
// each. Pages are bound by mbind, called directly: libnuma would be a dependency for one call.
// Source: mbind(2); Linux Documentation/ABI/stable/sysfs-devices-node.
#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/units.h"
#include "machine/ceiling_loops.h"
#include "machine/cost_memory.h"
#include "machine/numa_nodes.h"
#include "machine/pointer_chase.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

constexpr int kMostNodes = 1024;
constexpr int kMostMeasured = 8;  // 64 pairs, two rows each

// "0-3,8" as numbers.
std::vector<int> list_of(std::string_view text) {
  std::vector<int> numbers;
  for (const std::string_view range : split(trim(text), ',')) {
    const std::size_t dash = range.find('-');
    const auto first = parse_number(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_number(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last > 1 << 20) continue;
    for (int i = static_cast<int>(*first); i <= static_cast<int>(*last); ++i) numbers.push_back(i);
  }
  return numbers;
}

// What the pages of one node are measured with, from every node.
struct NodeMemory {
  std::shared_ptr<std::vector<PageBuffer>> streamed;  // one for each thread of the largest node
  std::shared_ptr<PageBuffer> chased;
  const void* cycle = nullptr;
};

// The cores of one node. The sheet's own crew keeps the caller on its first core: it goes to this
// node for each epoch and back.
struct NodeCores {
  Cpu cpu;
  std::unique_ptr<Crew> crew;
  std::vector<int> home;

  Epoch run(const auto& loop, auto amount) const {
    run_on({cpu.core_ids.data(), 1});
    const Epoch epoch = loop(amount);
    run_on({home.data(), 1});
    return epoch;
  }
};

// Binding takes from that node alone: too little there would end the process, so it is asked first.
std::string prepare(NodeMemory& memory, int node, std::size_t bytes, std::size_t most_threads) {
  const std::string text =
      read_text(fmt::format("/sys/devices/system/node/node{}/meminfo", node)).value_or("");
  const auto free = find_value(text, "MemFree");
  const auto kib = free ? parse_number(free->substr(0, free->find(' '))) : std::nullopt;
  if (!kib || *kib * 1024.0 < 4.0 * static_cast<double>(bytes)) {
    return "too little free memory on that node";
  }
  memory.streamed = std::make_shared<std::vector<PageBuffer>>();
  for (std::size_t i = 0; i < most_threads; ++i) {
    memory.streamed->emplace_back(bytes / most_threads);
  }
  memory.chased = std::make_shared<PageBuffer>(bytes);
  for (const PageBuffer& buffer : *memory.streamed) {
    if (const std::string why = bind_to_node(buffer, node); !why.empty()) return why;
    buffer.fill();
  }
  if (const std::string why = bind_to_node(*memory.chased, node); !why.empty()) return why;
  memory.chased->fill();
  memory.cycle = lay_cycle(memory.chased->data(), bytes, 64, static_cast<std::uint64_t>(node));
  return "";
}

void add_pair(const CostProbe& probe, const std::shared_ptr<NodeCores>& cores,
              const NodeMemory& memory, const std::string& pair) {
  const std::size_t bytes = memory.chased->size_bytes();
  const int threads = cores->crew->size();
  probe.sheet.add_time({"NUMA latency/" + pair, "ns",
                        "random cycle over " + format_bytes(static_cast<double>(bytes))},
                       1000,
                       [cores, loop = chase_loop(*cores->crew, memory.chased, memory.cycle)](
                           std::int64_t count) { return cores->run(loop, count); });
  const CostProbe local{cores->cpu, probe.options, *cores->crew, probe.sheet};
  std::vector<EpochLoop> candidates;
  for (const EpochLoop& loop : stream_candidates(local, memory.streamed, threads, "read",
                                                 memory.streamed->front().size_bytes())) {
    candidates.push_back([cores, loop](double amount) { return cores->run(loop, amount); });
  }
  probe.sheet.add_bytes(
      {"NUMA bandwidth/" + pair, "GB/s", fmt::format("read, {} threads", threads)},
      std::move(candidates));
}

std::shared_ptr<NodeCores> cores_of(const CostProbe& probe, const NumaNode& node) {
  auto cores = std::make_shared<NodeCores>();
  cores->cpu = probe.cpu;
  cores->cpu.core_ids = node.cores;
  cores->cpu.cores = static_cast<int>(node.cores.size());
  cores->crew = std::make_unique<Crew>(cores->cpu);
  cores->home = probe.cpu.core_ids;
  return cores;
}

void add_pairs(const CostProbe& probe, const std::vector<NumaNode>& nodes) {
  std::size_t most_threads = 1;
  for (const NumaNode& node : nodes) most_threads = std::max(most_threads, node.cores.size());
  const std::size_t bytes = dram_bytes(probe.cpu, static_cast<int>(most_threads),
                                       memory_limit_bytes(probe.cpu) / nodes.size()) /
                            (kStreamAlign * most_threads) * (kStreamAlign * most_threads);
  std::vector<std::shared_ptr<NodeCores>> crews;
  for (const NumaNode& node : nodes) {
    crews.push_back(node.cores.empty() ? nullptr : cores_of(probe, node));
  }
  for (const NumaNode& to : nodes) {
    NodeMemory memory;
    const std::string why =
        bytes == 0 ? "too little free memory" : prepare(memory, to.number, bytes, most_threads);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (crews[i] == nullptr) continue;  // memory alone, or cores that this process may not use
      const std::string pair =
          fmt::format("node {} to memory of node {}", nodes[i].number, to.number);
      if (why.empty()) {
        add_pair(probe, crews[i], memory, pair);
      } else {
        probe.sheet.add_missing("NUMA latency/" + pair, why);
        probe.sheet.add_missing("NUMA bandwidth/" + pair, why);
      }
    }
  }
}

}  // namespace

std::vector<NumaNode> read_numa_nodes(const std::vector<int>& usable_cores,
                                      const std::string& root) {
  const std::string folder = root + "/sys/devices/system/node/";
  std::vector<NumaNode> nodes;
  for (const int number : list_of(read_text(folder + "has_memory").value_or(""))) {
    NumaNode node{number, {}};
    const std::string cores =
        read_text(folder + fmt::format("node{}/cpulist", number)).value_or("");
    for (const int core : list_of(cores)) {
      if (std::find(usable_cores.begin(), usable_cores.end(), core) != usable_cores.end()) {
        node.cores.push_back(core);
      }
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::string bind_to_node(const PageBuffer& buffer, int node) {
  std::array<unsigned long, kMostNodes / (8 * sizeof(unsigned long))> mask{};
  if (node < 0 || node >= kMostNodes) return "no such node";
  constexpr int kBits = 8 * sizeof(unsigned long);
  mask[static_cast<std::size_t>(node / kBits)] |= 1ul << (node % kBits);
  if (syscall(SYS_mbind, buffer.data(), buffer.size_bytes(), MPOL_BIND, mask.data(), kMostNodes,
              0) == 0) {
    return "";
  }
  return std::string("mbind is refused: ") + std::strerror(errno);
}

void add_numa_costs(const CostProbe& probe) {
  std::vector<NumaNode> nodes = read_numa_nodes(probe.cpu.core_ids, "");
  if (nodes.size() < 2) {
    const char* const why =
        nodes.empty() ? "the kernel shows no NUMA nodes" : "this machine has one NUMA node";
    probe.sheet.add_missing("NUMA latency", why);
    probe.sheet.add_missing("NUMA bandwidth", why);
    return;
  }
  if (nodes.size() > kMostMeasured) {
    probe.sheet.add_missing("NUMA, further nodes",
                            fmt::format("{} nodes with memory; the first {} are measured",
                                        nodes.size(), kMostMeasured));
    nodes.resize(kMostMeasured);
  }
  add_pairs(probe, nodes);
}

}  // namespace aisp::machine
