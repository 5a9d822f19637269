// The three instruction sets: the vector that each one offers, and simd.inc around it. Headers come
// before the regions, so that nothing shared is compiled for a wider machine.
#include "docs/skeleton/kernel/simd.h"

#include <cmath>
#include <cstdint>

namespace aisp::skeleton::kernel::portable {
namespace {
struct V {
  static constexpr std::int64_t kWidth = 1;  // the compiler widens the loop to what x86-64 has
  static float broadcast(float value) { return value; }
  static float load(const float* at) { return *at; }
  static void store(float* at, float value) { *at = value; }
  static void stream(float* at, float value) { *at = value; }
  static void fence() {}
  static float multiply_add(float a, float b, float c) { return a * b + c; }
};
#include "docs/skeleton/kernel/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::skeleton::kernel::portable

#if AISP_X86

AISP_TARGET_BEGIN_AVX2
namespace aisp::skeleton::kernel::avx2 {
namespace {
struct V {
  static constexpr std::int64_t kWidth = 8;
  static __m256 broadcast(float value) { return _mm256_set1_ps(value); }
  static __m256 load(const float* at) { return _mm256_loadu_ps(at); }
  static void store(float* at, __m256 value) { _mm256_storeu_ps(at, value); }
  static void stream(float* at, __m256 value) { _mm256_stream_ps(at, value); }
  static void fence() { _mm_sfence(); }
  static __m256 multiply_add(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
  static float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
};
#include "docs/skeleton/kernel/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::skeleton::kernel::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace aisp::skeleton::kernel::avx512 {
namespace {
struct V {
  static constexpr std::int64_t kWidth = 16;
  static __m512 broadcast(float value) { return _mm512_set1_ps(value); }
  static __m512 load(const float* at) { return _mm512_loadu_ps(at); }
  static void store(float* at, __m512 value) { _mm512_storeu_ps(at, value); }
  static void stream(float* at, __m512 value) { _mm512_stream_ps(at, value); }
  static void fence() { _mm_sfence(); }
  static __m512 multiply_add(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
  static float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
};
#include "docs/skeleton/kernel/simd.inc"
}  // namespace
const Run kRun = &run;
}  // namespace aisp::skeleton::kernel::avx512
AISP_TARGET_END

#endif
