// The hardware key. See environment.h. Its hash is FNV-1a, because a key in somebody's repository
// must still be the same after a library upgrade.
// Source: Fowler, Noll, Vo; draft-eastlake-fnv (64-bit parameters).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "machine/environment.h"

namespace aisp::machine {
namespace {

constexpr std::size_t kMaxNameChars = 40;  // the rest of the key takes at most 40 more

std::uint32_t fnv1a_folded(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ull;
  }
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

// "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz" -> "intel-xeon-platinum-8375c". What is left out
// of the name is in the hash.
std::string short_name(std::string_view model) {
  std::string name, word;
  const auto flush = [&] {
    const bool noise = word.empty() || word == "r" || word == "tm" || word == "c" ||
                       word == "cpu" || word == "processor" || word.ends_with("-core");
    if (!noise) name += (name.empty() ? "" : "-") + word;
    word.clear();
  };
  for (const char c : model.substr(0, model.find('@'))) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 128 && std::isalnum(byte)) {
      word += static_cast<char>(std::tolower(byte));
    } else if (c == '-' && !word.empty()) {
      word += '-';
    } else {
      flush();
    }
  }
  flush();
  if (name.size() > kMaxNameChars) name.resize(kMaxNameChars);
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "unknown" : name;
}

}  // namespace

std::string hardware_key(const Cpu& cpu) {
  const auto memory_gib = static_cast<long long>(
      std::llround(static_cast<double>(cpu.memory_bytes) / (1024.0 * 1024 * 1024)));
  std::string all =
      fmt::format("{}|{}|{}|{}.{}.{}|{} cores x{} in {} packages, {} nodes|{} GiB", cpu.vendor,
                  cpu.model, cpu.architecture, cpu.family, cpu.model_number, cpu.stepping,
                  cpu.cores_online, cpu.threads_per_core, cpu.packages, cpu.numa_nodes, memory_gib);
  for (const std::string& feature : cpu.features()) all += "|" + feature;
  for (const Cache& cache : cpu.data_caches) {
    all += fmt::format("|L{} {} bytes {} ways {} line {} sharing", cache.level, cache.size_bytes,
                       cache.ways, cache.line_bytes, cache.sharing_cores);
  }
  double shown_cores = cpu.cores_online;
  if (cpu.cpu_quota > 0) {
    all += fmt::format("|quota {:.2f}", cpu.cpu_quota);
    shown_cores = std::min(shown_cores, cpu.cpu_quota);
  }
  return fmt::format("{}-{}.{}-{:.3g}c-{}g-{:08x}", short_name(cpu.model), cpu.family,
                     cpu.model_number, shown_cores, memory_gib, fnv1a_folded(all));
}

}  // namespace aisp::machine
