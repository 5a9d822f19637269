// Which stores, and how many threads: pure arithmetic, tested with machines that are not here.
#include <algorithm>

#include "kernels/copy/copy.h"

namespace aisp::kernels::copy {
namespace {

// A fork and a join cost about 1 us; a core copies 60 KB in it from L2. With 256 KiB for each
// thread the fork is below a quarter of the time, and two threads still gain 1.6 times.
constexpr std::size_t kBytesWorthAThread = std::size_t{256} << 10;

}  // namespace

Config choose_config(std::size_t bytes, const machine::Cpu& cpu, int threads) {
  const std::size_t worth = std::max<std::size_t>(1, bytes / kBytesWorthAThread);
  Config config;
  config.threads = static_cast<int>(std::min(static_cast<std::size_t>(threads), worth));
  // Streaming saves the read of each destination line but leaves nothing in the caches. On a Zen 4
  // core with 32 MiB of L3 it lost where both buffers fit (2 x 8 MiB: 54 against 79 GB/s), was even
  // at 2 x 16 MiB (52 against 51 to 54) and won beyond (2 x 24 MiB: 51 against 31 to 40).
  std::size_t cache = cpu.cache_bytes(3, config.threads);
  if (cache == 0) cache = cpu.cache_bytes(2, config.threads);
  if (2 * bytes > cache) config.store = Store::kStreaming;
  return config;
}

}  // namespace aisp::kernels::copy
