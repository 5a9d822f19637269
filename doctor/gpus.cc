// See gpus.h.
#include "doctor/gpus.h"

#include <algorithm>
#include <charconv>

#include "doctor/paths.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// A display or 3D controller (PCI class 0x03....) made by NVIDIA, which no driver may have claimed.
std::string accelerator_on_bus(const Evidence& evidence) {
  for (const std::string& address : evidence.list("/sys/bus/pci/devices")) {
    const std::string folder = "/sys/bus/pci/devices/" + address;
    if (evidence.read(folder + "/vendor").value != "0x10de") continue;
    if (evidence.read(folder + "/class").value.starts_with("0x03")) return address;
  }
  return "";
}

std::string why_unseen(const machine::Facts& facts) {
  for (const auto& unseen : facts.unseen) {
    if (unseen.what == "GPUs" || unseen.what == "devices") return unseen.why;
  }
  return "";
}

}  // namespace

std::optional<Finding> without_gpus(const Evidence& evidence, std::size_t at_least) {
  const auto& facts = evidence.facts();
  if (facts.gpus.size() >= at_least && !facts.gpus.empty()) return std::nullopt;
  if (!facts.gpus.empty()) {
    return not_applicable(facts.gpus.size() == 1 ? "one GPU" : "too few GPUs");
  }
  const std::string address = accelerator_on_bus(evidence);
  if (address.empty()) return not_applicable("no GPU");
  const std::string why = why_unseen(facts);
  return cannot_see(fmt::format("an NVIDIA device is at {}, but its driver tells nothing{}{}",
                                address, why.empty() ? "" : ": ", why));
}

std::string numbers_in_words(const std::vector<int>& numbers) {
  return fmt::format("{}", fmt::join(numbers, ", "));
}

std::string gpus_in_words(const std::vector<int>& gpus) {
  if (gpus.size() == 1) return fmt::format("GPU {}", gpus[0]);
  return fmt::format("{} GPUs ({})", gpus.size(), numbers_in_words(gpus));
}

GpuSorting sort_gpus(const Evidence& evidence, const std::string& fact,
                     const std::function<std::optional<Judged>(const machine::Gpu&)>& judge) {
  GpuSorting sorting;
  for (const machine::Gpu& gpu : evidence.facts().gpus) {
    const auto judged = judge(gpu);
    if (!judged) {
      sorting.unseen.push_back(gpu.index);
      continue;
    }
    (judged->holds ? sorting.good : sorting.bad).push_back(gpu.index);
    (judged->holds ? sorting.good_read : sorting.bad_read)
        .push_back({fmt::format("GPU {}: {}", gpu.index, fact), judged->value});
  }
  return sorting;
}

const machine::GpuPair* pair_of(const machine::Facts& facts, int a, int b) {
  for (const auto& pair : facts.gpu_pairs) {
    if ((pair.a == a && pair.b == b) || (pair.a == b && pair.b == a)) return &pair;
  }
  return nullptr;
}

std::vector<std::vector<int>> link_islands(const machine::Facts& facts) {
  std::vector<std::vector<int>> islands;
  for (const auto& gpu : facts.gpus) islands.push_back({gpu.index});
  const auto island_of = [&](int gpu) {
    return std::find_if(islands.begin(), islands.end(), [&](const auto& island) {
      return std::find(island.begin(), island.end(), gpu) != island.end();
    });
  };
  for (const auto& pair : facts.gpu_pairs) {
    if (!pair.nvlink.value_or(false)) continue;
    const auto a = island_of(pair.a), b = island_of(pair.b);
    if (a == islands.end() || b == islands.end() || a == b) continue;
    a->insert(a->end(), b->begin(), b->end());
    islands.erase(b);
  }
  for (auto& island : islands) std::sort(island.begin(), island.end());
  std::sort(islands.begin(), islands.end());
  return islands;
}

std::vector<int> version_parts(std::string_view text) {
  std::vector<int> parts;
  for (const auto piece : machine::split(machine::trim(text), '.')) {
    int value = 0;
    const auto end = std::from_chars(piece.data(), piece.data() + piece.size(), value);
    if (end.ec != std::errc() || value < 0) break;
    parts.push_back(value);
    if (end.ptr != piece.data() + piece.size()) break;
  }
  return parts;
}

std::optional<bool> version_at_least(std::string_view text, int major, int minor) {
  const auto parts = version_parts(text);
  if (parts.empty()) return std::nullopt;
  const int found_minor = parts.size() > 1 ? parts[1] : 0;
  return parts[0] != major ? parts[0] > major : found_minor >= minor;
}

const machine::Library* library(const machine::Facts& facts, std::string_view prefix) {
  for (const auto& one : facts.libraries) {
    if (one.name.starts_with(prefix)) return &one;
  }
  return nullptr;
}

bool has_fabric(const machine::Gpu& gpu) {
  return gpu.fabric_state && *gpu.fabric_state != "not_supported";
}

bool has_stacked_memory(const machine::Gpu& gpu) { return gpu.memory_bus_bits.value_or(0) >= 2048; }

}  // namespace aisp::doctor
