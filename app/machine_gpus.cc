// GPUs, as `aisp machine` shows them: one block a GPU, one row a topic, then how they reach each
// other.
#include <fmt/format.h>

#include <map>

#include "app/machine_text.h"

namespace aisp::app {
namespace {

using machine::Gpu;
using machine::Maybe;

template <class T>
std::string or_unknown(const Maybe<T>& value, const char* unit = "") {
  return value ? fmt::format("{}{}", *value, unit) : "?";
}

const char* on_off(const Maybe<bool>& value) { return !value ? "?" : *value ? "on" : "off"; }

// The pieces that are not empty, with commas.
std::string listed(std::initializer_list<std::string> pieces) {
  std::string text;
  for (const std::string& piece : pieces) {
    if (!piece.empty()) text += (text.empty() ? "" : ", ") + piece;
  }
  return text;
}

template <class T>
std::string when(const Maybe<T>& value, const char* format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "";
}

// Bits of nvmlClocksEventReason*.
std::string throttle_text(std::uint64_t reasons) {
  constexpr std::pair<std::uint64_t, const char*> kReasons[] = {{0x1, "idle"},
                                                                {0x2, "application clocks"},
                                                                {0x4, "power cap"},
                                                                {0x8, "hardware slowdown"},
                                                                {0x10, "sync boost"},
                                                                {0x20, "software thermal"},
                                                                {0x40, "hardware thermal"},
                                                                {0x80, "power brake"},
                                                                {0x100, "display"}};
  std::string text;
  for (const auto& [bit, name] : kReasons) {
    if (reasons & bit) text += std::string(text.empty() ? "" : ", ") + name;
  }
  return text.empty() ? "nothing" : text;
}

std::string memory_text(const Gpu& gpu) {
  if (!gpu.memory_bytes) return "";
  return listed({size_text(*gpu.memory_bytes),
                 gpu.memory_free_bytes ? size_text(*gpu.memory_free_bytes) + " free" : "",
                 when(gpu.memory_bus_bits, "bus of {} bits")});
}

std::string power_text(const Gpu& gpu) {
  return listed({when(gpu.power_now, "{:.0f} W now"), when(gpu.power_limit, "limit {:.0f} W"),
                 when(gpu.power_limit_default, "default {:.0f} W"),
                 when(gpu.power_limit_max, "at most {:.0f} W")});
}

std::string heat_text(const Gpu& gpu) {
  return listed({when(gpu.temperature, "{} C"), when(gpu.memory_temperature, "memory {} C"),
                 when(gpu.temperature_margin, "{} C before it slows"),
                 when(gpu.temperature_slowdown, "slows at {} C"),
                 when(gpu.fan_percent, "fans at {} %")});
}

std::string pcie_text(const Gpu& gpu) {
  if (!gpu.pcie_generation_now && !gpu.pcie_generation_max && !gpu.pcie_width_now) return "";
  std::string text =
      fmt::format("generation {} x{} now, {} x{} at most", or_unknown(gpu.pcie_generation_now),
                  or_unknown(gpu.pcie_width_now), or_unknown(gpu.pcie_generation_max),
                  or_unknown(gpu.pcie_width_max));
  if (gpu.pcie_generation_now < gpu.pcie_generation_max) text += " (an idle link slows down)";
  return text + when(gpu.pcie_replays, ", {} replays");
}

std::string ecc_text(const Gpu& gpu) {
  if (!gpu.ecc_now && !gpu.ecc_uncorrected_aggregate) return "";
  std::string text = on_off(gpu.ecc_now);
  if (gpu.ecc_pending != gpu.ecc_now)
    text += fmt::format(", {} after a reset", on_off(gpu.ecc_pending));
  return listed({text, when(gpu.ecc_uncorrected_volatile, "{} uncorrected since start"),
                 when(gpu.ecc_uncorrected_aggregate, "{} in its life"),
                 when(gpu.remapped_rows_uncorrectable, "{} rows remapped"),
                 gpu.remap_pending.value_or(false) ? "a remap waits for a reset" : "",
                 gpu.remap_failed.value_or(false) ? "a remap failed" : ""});
}

std::string modes_text(const Gpu& gpu) {
  const std::string mig =
      gpu.mig_devices.empty() ? "" : fmt::format(": {}", fmt::join(gpu.mig_devices, "; "));
  return listed({gpu.mig_now ? fmt::format("MIG {}{}", on_off(gpu.mig_now), mig) : "",
                 gpu.persistence ? fmt::format("persistence {}", on_off(gpu.persistence)) : "",
                 when(gpu.compute_mode, "compute mode {}")});
}

std::string nvlink_text(const Gpu& gpu) {
  if (gpu.nvlinks.empty()) return "";
  int active = 0;
  double sum = 0.0;
  std::map<std::string, int> remotes;
  for (const auto& link : gpu.nvlinks) {
    active += link.active;
    sum += link.gb_per_s.value_or(0.0);
    if (link.active && !link.remote_kind.empty()) ++remotes[link.remote_kind];
  }
  std::string text = fmt::format("{} of {} links active", active, gpu.nvlinks.size());
  if (sum > 0) text += fmt::format(", {:.0f} GB/s a direction together", sum);
  for (const auto& [kind, count] : remotes) text += fmt::format(", {} to a {}", count, kind);
  return listed({text, when(gpu.fabric_state, "fabric {}"), when(gpu.fabric_clique, "clique {}")});
}

std::string host_text(const Gpu& gpu) {
  const auto can = [](const Maybe<bool>& value, const char* what) {
    return value ? fmt::format("{}{}", *value ? "" : "no ", what) : std::string();
  };
  return listed({when(gpu.numa_node, "NUMA node {}"),
                 can(gpu.pageable_memory_access, "access to pageable memory"),
                 can(gpu.host_page_tables, "use of the host's page tables"),
                 can(gpu.gpudirect_rdma, "GPUDirect RDMA"), can(gpu.dma_buf, "DMA buffers")});
}

std::string processes_text(const Gpu& gpu) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> texts;
  for (const auto& process : gpu.processes) {
    if (texts.size() == kShown) {
      texts.push_back(fmt::format("and {} more", gpu.processes.size() - kShown));
      break;
    }
    texts.push_back(fmt::format("{}", process.pid));
    if (!process.name.empty()) texts.back() += " " + process.name;
    if (process.memory_bytes) texts.back() += " with " + size_text(*process.memory_bytes);
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

void print_gpu(const Gpu& gpu) {
  const std::string compute = gpu.compute_major
                                  ? fmt::format("compute capability {}.{}", *gpu.compute_major,
                                                gpu.compute_minor.value_or(0))
                                  : "";
  const std::pair<const char*, std::string> topics[] = {
      {"chip", listed({compute, when(gpu.multiprocessors, "{} multiprocessors"),
                       gpu.l2_bytes ? size_text(*gpu.l2_bytes) + " of L2 cache" : ""})},
      {"memory", memory_text(gpu)},
      {"clocks",
       gpu.sm_clock_now || gpu.sm_clock_max
           ? fmt::format("SM {} of {} MHz, memory {} of {} MHz", or_unknown(gpu.sm_clock_now),
                         or_unknown(gpu.sm_clock_max), or_unknown(gpu.memory_clock_now),
                         or_unknown(gpu.memory_clock_max))
           : ""},
      {"held back by", gpu.throttle_reasons ? throttle_text(*gpu.throttle_reasons) : ""},
      {"use", listed({when(gpu.utilization_percent, "busy {} % of the time"),
                      when(gpu.memory_utilization_percent, "memory {} %")})},
      {"power", power_text(gpu)},
      {"heat", heat_text(gpu)},
      {"PCIe", pcie_text(gpu)},
      {"ECC", ecc_text(gpu)},
      {"modes", modes_text(gpu)},
      {"NVLink", nvlink_text(gpu)},
      {"host", host_text(gpu)},
      {"firmware", listed({when(gpu.vbios, "VBIOS {}"), when(gpu.gsp_firmware, "GSP {}")})},
      {"processes", processes_text(gpu)},
  };
  Rows rows;
  for (const auto& [topic, text] : topics) {
    if (!text.empty()) rows.push_back({fmt::format("  {}", topic), text});
  }
  Rows title = {{fmt::format("GPU {}", gpu.index), listed({gpu.name, gpu.pci_address, gpu.uuid})}};
  print_table(title, 2);
  print_table(rows, 2);
}

}  // namespace

void print_gpus(const machine::Facts& facts) {
  for (const Gpu& gpu : facts.gpus) print_gpu(gpu);
  Rows rows;
  for (const auto& pair : facts.gpu_pairs) {
    rows.push_back(
        {fmt::format("GPU {} - GPU {}", pair.a, pair.b),
         listed({pair.common_ancestor.empty() ? "" : "meet at: " + pair.common_ancestor,
                 pair.nvlink ? fmt::format("NVLink {}", *pair.nvlink ? "yes" : "no") : "",
                 pair.peer_access ? fmt::format("peer access {}", *pair.peer_access ? "yes" : "no")
                                  : ""})});
  }
  print_table(rows, 2);
}

}  // namespace aisp::app
