// Resident memory written with AVX-512 non-temporal stores: the destination is not read before
// it is overwritten, which saves a third of the traffic, and the caches keep what they held.
// Each store is a whole line, so no write-combining buffer ever waits for its other half.
// Source: Intel 64 and IA-32 Architectures Optimization Reference Manual, non-temporal stores.
#include <cstdint>
#include <cstring>

#include "base/simd_target.h"
#include "labs/ch02_hardware/memory_transfer/problem.h"

namespace aisp::labs::ch02::memory_transfer {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512

void copy_streaming_avx512(const float* from, float* to, std::size_t count) {
  // Up to the first line of the destination, then whole lines, then the rest.
  const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(to) % 64 / sizeof(float);
  const std::size_t head = misaligned == 0 ? 0 : 16 - misaligned;
  std::size_t i = head < count ? head : count;
  std::memcpy(to, from, i * sizeof(float));
  // Four lines a turn: enough independent loads in flight between branches.
  for (; i + 64 <= count; i += 64) {
#pragma GCC unroll 8
    for (std::size_t k = 0; k < 64; k += 16) {
      _mm512_stream_ps(to + i + k, _mm512_loadu_ps(from + i + k));
    }
  }
  std::memcpy(to + i, from + i, (count - i) * sizeof(float));
  _mm_sfence();
}

AISP_TARGET_END
#else
void copy_streaming_avx512(const float* from, float* to, std::size_t count) {
  std::memcpy(to, from, count * sizeof(float));
}
#endif

bench::Technique streaming_avx512() {
  return {.name = "streaming_avx512",
          .summary = "64-byte non-temporal stores into mapped memory",
          .needs = [](const machine::Cpu& cpu) { return cpu.avx512 ? "" : "needs AVX-512"; },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of([](const bench::Io& io) {
                  const auto in = io.in<float>(0);
                  copy_streaming_avx512(in.data(), io.out<float>(0).data(), in.size());
                });
              }};
}

}  // namespace aisp::labs::ch02::memory_transfer
