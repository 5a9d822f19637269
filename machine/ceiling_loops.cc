// Loops and working sets of the ceilings. See ceiling_loops.h.
#include "machine/ceiling_loops.h"

#include <algorithm>
#include <memory>

#include "machine/cgroup.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

// Memory is measured over at least four times the last-level caches: then at most a quarter of a
// cyclic pass could hit, and with any usual replacement nearly nothing does.
constexpr std::size_t kDramOverCache = 4;
constexpr std::size_t kLeastDramBytes = std::size_t{256} << 20;
constexpr std::size_t kMostDramBytes = std::size_t{4} << 30;

}  // namespace

EpochLoop stream_loop(Crew& crew, const std::vector<PageBuffer>& buffers, int threads,
                      StreamKernel kernel, std::size_t bytes_each) {
  const std::size_t length =
      bytes_each / static_cast<std::size_t>(kernel.streams) / kStreamAlign * kStreamAlign;
  auto position = std::make_shared<std::size_t>(0);
  return [&crew, &buffers, threads, kernel, length, position](double amount) {
    const double wanted = amount / kernel.streams;
    const auto passes =
        static_cast<std::int64_t>(std::max(1.0, wanted / static_cast<double>(length)));
    std::size_t window = length;
    if (wanted < static_cast<double>(length)) {
      window =
          std::max(kStreamAlign, static_cast<std::size_t>(wanted) / kStreamAlign * kStreamAlign);
    }
    if (*position + window > length) *position = 0;
    const std::size_t at = *position;
    const Crew::Time time = crew.timed(threads, [&](int worker) {
      std::byte* const from = buffers[static_cast<std::size_t>(worker)].data() + at;
      std::byte* const to = kernel.streams == 1 ? from : from + length;
      kernel.run(to, from, window, passes);
    });
    *position += window;
    const double work = static_cast<double>(window) * static_cast<double>(passes);
    return Epoch{time.seconds, work * kernel.moved() * threads, time.interrupted};
  };
}

std::size_t cache_share_bytes(const Cpu& cpu, std::size_t index, int threads) {
  const Cache& cache = cpu.data_caches[index];
  const auto users =
      static_cast<std::size_t>(std::clamp(threads, 1, std::max(1, cache.sharing_cores)));
  std::size_t bytes = cache.size_bytes / 2 / users;
  if (index > 0) {
    // Half a share may be less than the private level before it: step over that level.
    const std::size_t before = cpu.data_caches[index - 1].size_bytes;
    if (bytes < before + before / 2) bytes += before;
  }
  return std::max(kStreamAlign * 2, bytes / kStreamAlign * kStreamAlign);
}

std::size_t memory_limit_bytes(const Cpu& cpu) {
  std::size_t usable = cpu.memory_bytes;
  const CgroupLimits limits = read_cgroup_limits();
  if (limits.memory_bytes > 0) usable = std::min(usable, limits.memory_bytes);
  const auto available = find_value(read_text("/proc/meminfo").value_or(""), "MemAvailable");
  if (available) {
    const auto kib = parse_number(std::string_view(*available).substr(0, available->find(' ')));
    if (kib) usable = std::min(usable, static_cast<std::size_t>(*kib * 1024.0));
  }
  return usable / 8;
}

std::size_t dram_bytes(const Cpu& cpu, int threads, std::size_t limit) {
  std::size_t cached = 0;
  if (!cpu.data_caches.empty()) cached = cpu.cache_bytes(cpu.data_caches.back().level, threads);
  const std::size_t wanted = std::clamp(cached * kDramOverCache, kLeastDramBytes,
                                        std::max(kLeastDramBytes, kMostDramBytes));
  const std::size_t bytes = std::min(wanted, limit / 2);  // one and all threads have each a set
  return bytes >= 2 * cached ? bytes : 0;
}

}  // namespace aisp::machine
