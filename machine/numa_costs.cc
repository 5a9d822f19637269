// Costs of memory by node: latency and bandwidth from the cores of each NUMA node to the memory of
// each.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/units.h"
#include "machine/ceiling_loops.h"
#include "machine/cost_memory.h"
#include "machine/numa.h"
#include "machine/pointer_chase.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

constexpr std::size_t kMostMeasured = 8;  // 64 pairs, two rows each

// "Node 0 MemFree:  1234 kB" in bytes; 0 where it is not said.
double free_bytes(int node) {
  const std::string text =
      read_text(fmt::format("/sys/devices/system/node/node{}/meminfo", node)).value_or("");
  const std::size_t at = text.find("MemFree:");
  if (at == std::string::npos) return 0.0;
  return 1024.0 * std::strtod(text.c_str() + at + std::strlen("MemFree:"), nullptr);
}

// Fills the buffer with pages of that node; "" or why not.
std::string fill_on(const PageBuffer& buffer, int node) {
  const std::string why = place_on_node({buffer.data(), buffer.size_bytes()}, node);
  if (!why.empty()) return why;
  buffer.fill();
  const int found = node_of(buffer.data());
  return found < 0 || found == node ? "" : "the kernel took pages of another node";
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
  if (free_bytes(node) < 4.0 * static_cast<double>(bytes)) {
    return "too little free memory on that node";
  }
  memory.streamed = std::make_shared<std::vector<PageBuffer>>();
  for (std::size_t i = 0; i < most_threads; ++i) {
    memory.streamed->emplace_back(bytes / most_threads);
  }
  memory.chased = std::make_shared<PageBuffer>(bytes);
  for (const PageBuffer& buffer : *memory.streamed) {
    if (const std::string why = fill_on(buffer, node); !why.empty()) return why;
  }
  if (const std::string why = fill_on(*memory.chased, node); !why.empty()) return why;
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
  cores->cpu.core_ids = node.cpus;
  cores->cpu.cores = static_cast<int>(node.cpus.size());
  cores->crew = std::make_unique<Crew>(cores->cpu);
  cores->home = probe.cpu.core_ids;
  return cores;
}

}  // namespace

void add_numa_pairs(const CostProbe& probe, const std::vector<NumaNode>& nodes) {
  std::size_t most_threads = 1;
  for (const NumaNode& node : nodes) most_threads = std::max(most_threads, node.cpus.size());
  const std::size_t bytes = dram_bytes(probe.cpu, static_cast<int>(most_threads),
                                       memory_limit_bytes(probe.cpu) / nodes.size()) /
                            (kStreamAlign * most_threads) * (kStreamAlign * most_threads);
  std::vector<std::shared_ptr<NodeCores>> crews;
  for (const NumaNode& node : nodes) {
    crews.push_back(node.cpus.empty() ? nullptr : cores_of(probe, node));
  }
  for (const NumaNode& to : nodes) {
    NodeMemory memory;
    const std::string why =
        bytes == 0 ? "too little free memory" : prepare(memory, to.id, bytes, most_threads);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (crews[i] == nullptr) continue;  // memory alone, or cores that this process may not use
      const std::string pair = fmt::format("node {} to memory of node {}", nodes[i].id, to.id);
      if (why.empty()) {
        add_pair(probe, crews[i], memory, pair);
      } else {
        probe.sheet.add_missing("NUMA latency/" + pair, why);
        probe.sheet.add_missing("NUMA bandwidth/" + pair, why);
      }
    }
  }
}

void add_numa_costs(const CostProbe& probe) {
  std::vector<NumaNode> nodes = read_numa_nodes();
  for (NumaNode& node : nodes) {  // one hardware thread of each core, as everywhere here
    std::erase_if(node.cpus, [&](int cpu) {
      const std::vector<int>& cores = probe.cpu.core_ids;
      return std::find(cores.begin(), cores.end(), cpu) == cores.end();
    });
  }
  if (nodes.size() < 2) {
    probe.sheet.add_missing("NUMA latency", "this machine shows one NUMA node");
    probe.sheet.add_missing("NUMA bandwidth", "this machine shows one NUMA node");
    return;
  }
  if (nodes.size() > kMostMeasured) {
    probe.sheet.add_missing("NUMA, further nodes",
                            fmt::format("{} nodes with memory; the first {} are measured",
                                        nodes.size(), kMostMeasured));
    nodes.resize(kMostMeasured);
  }
  add_numa_pairs(probe, nodes);
}

}  // namespace aisp::machine
