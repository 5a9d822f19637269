// The instruction sets: the vector that each one offers, and simd.inc around it. Headers come
// before the regions, so that nothing shared is compiled for a wider machine.
#include "kernels/copy/simd.h"

#include <cstdint>
#include <cstring>

#define AISP_COPY_INLINE __attribute__((always_inline)) static inline

namespace aisp::kernels::copy::portable {
namespace {
#if AISP_X86
struct V {
  using Reg = __m128i;
  static constexpr std::size_t kBytes = sizeof(Reg);
  AISP_COPY_INLINE Reg load(const std::byte* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  AISP_COPY_INLINE void store(std::byte* at, Reg value) {
    _mm_store_si128(reinterpret_cast<__m128i*>(at), value);
  }
  AISP_COPY_INLINE void stream(std::byte* at, Reg value) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(at), value);
  }
  AISP_COPY_INLINE void fence() { _mm_sfence(); }
};
#else
struct V {
  using Reg [[gnu::vector_size(16)]] = unsigned char;
  static constexpr std::size_t kBytes = sizeof(Reg);
  AISP_COPY_INLINE Reg load(const std::byte* at) {
    Reg value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  AISP_COPY_INLINE void store(std::byte* at, Reg value) { std::memcpy(at, &value, sizeof value); }
  AISP_COPY_INLINE void stream(std::byte* at, Reg value) { store(at, value); }
  AISP_COPY_INLINE void fence() {}
};
#endif
#include "kernels/copy/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::kernels::copy::portable

#if AISP_X86

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::copy::avx2 {
namespace {
struct V {
  using Reg = __m256i;
  static constexpr std::size_t kBytes = sizeof(Reg);
  AISP_COPY_INLINE Reg load(const std::byte* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }
  AISP_COPY_INLINE void store(std::byte* at, Reg value) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(at), value);
  }
  AISP_COPY_INLINE void stream(std::byte* at, Reg value) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(at), value);
  }
  AISP_COPY_INLINE void fence() { _mm_sfence(); }
};
#include "kernels/copy/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::kernels::copy::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace aisp::kernels::copy::avx512 {
namespace {
struct V {
  using Reg = __m512i;
  static constexpr std::size_t kBytes = sizeof(Reg);
  AISP_COPY_INLINE Reg load(const std::byte* at) { return _mm512_loadu_si512(at); }
  AISP_COPY_INLINE void store(std::byte* at, Reg value) { _mm512_store_si512(at, value); }
  AISP_COPY_INLINE void stream(std::byte* at, Reg value) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(at), value);
  }
  AISP_COPY_INLINE void fence() { _mm_sfence(); }
};
#include "kernels/copy/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::kernels::copy::avx512
AISP_TARGET_END

#endif
