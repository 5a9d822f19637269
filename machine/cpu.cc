// Placeholder detection: see machine room.
#include "machine/cpu.h"

namespace aisp::machine {
std::size_t Cpu::cache_bytes(int level, int cores_used) const {
  for (const Cache& cache : data_caches) {
    if (cache.level != level) continue;
    const int copies = (cores_used + cache.sharing_cores - 1) / cache.sharing_cores;
    return cache.size_bytes * static_cast<std::size_t>(copies < 1 ? 1 : copies);
  }
  return 0;
}
std::vector<std::string> Cpu::features() const { return {}; }
const Cpu& cpu() {
  static const Cpu probed = [] {
    Cpu c;
    c.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    c.avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    c.cores = c.cores_online = 2;
    c.data_caches = {{1, 32 << 10, 8, 64, 1}, {2, 1 << 20, 8, 64, 1}, {3, 32u << 20, 16, 64, 2}};
    return c;
  }();
  return probed;
}
}  // namespace aisp::machine
