// The instruction sets of x86: the vector each one offers, and simd.inc around it. Rows of a block
// from the register files. AVX-512: 12 integer sums, 12 f32 sums, weights, scale, mask: 28 of 32,
// and 12 independent VPDPBUSD cover its latency of 4; 6 rows of floats are 24 sums. 16 registers:
// 4 rows (8 sums; without VNNI a product needs three temporary ones), 3 of floats (12 sums).
// Without VNNI, VPMADDUBSW adds pairs of products in 16 bits: |w| x sign(w) at most 128 * 127 * 2 =
// 32512, below 32767, because rounded rows stay within 127.
// Source: Intel 64 and IA-32 SDM, VPDPBUSD, VPMADDUBSW.
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/simd_target.h"
#include "kernels/linear/layout.h"
#include "kernels/linear/simd.h"
#include "kernels/simd/vectors.h"

#if AISP_X86

// What rounding a row ends with. Defined in each region.
#define AISP_LINEAR_REDUCTIONS                                                               \
  inline std::int32_t largest_of(__m256i a) {                                                \
    __m128i most = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1)); \
    most = _mm_max_epi32(most, _mm_shuffle_epi32(most, 0x4e));                               \
    return _mm_cvtsi128_si32(_mm_max_epi32(most, _mm_shuffle_epi32(most, 0xb1)));            \
  }                                                                                          \
  /* Differences from zero add unsigned bytes: 128 is added to each and taken off again. */  \
  inline std::int32_t sum_of_bytes(__m128i a) {                                              \
    const __m128i flipped = _mm_xor_si128(a, _mm_set1_epi8(static_cast<char>(0x80)));        \
    const __m128i sums = _mm_sad_epu8(flipped, _mm_setzero_si128());                         \
    return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0x4e))) - 16 * 128; \
  }

// The vector of 256 bits, less what differs: start and dot, with and without VNNI.
#define AISP_LINEAR_VECTOR_256                                                                     \
  static constexpr int kWidth = 8;                                                                 \
  using Int = __m256i;                                                                             \
  using Float = __m256;                                                                            \
  static Int load(const std::byte* at) {                                                           \
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));                               \
  }                                                                                                \
  static Int zero() { return _mm256_setzero_si256(); }                                             \
  static Int broadcast(const std::byte* at) {                                                      \
    int word;                                                                                      \
    std::memcpy(&word, at, 4);                                                                     \
    return _mm256_set1_epi32(word);                                                                \
  }                                                                                                \
  template <int kBy, int kMask>                                                                    \
  static Int left(Int a) {                                                                         \
    return _mm256_and_si256(kBy == 0 ? a : _mm256_slli_epi32(a, kBy),                              \
                            _mm256_set1_epi8(static_cast<char>(kMask)));                           \
  }                                                                                                \
  template <int kBy, int kMask>                                                                    \
  static Int right(Int a) {                                                                        \
    return _mm256_and_si256(_mm256_srli_epi32(a, kBy),                                             \
                            _mm256_set1_epi8(static_cast<char>(kMask)));                           \
  }                                                                                                \
  static Int either(Int a, Int b) { return _mm256_or_si256(a, b); }                                \
  static void widen(Int a, Float& low, Float& high) {                                              \
    low = _mm256_castsi256_ps(_mm256_slli_epi32(a, 16));                                           \
    high =                                                                                         \
        _mm256_castsi256_ps(_mm256_and_si256(a, _mm256_set1_epi32(static_cast<int>(~0xffffu))));   \
  }                                                                                                \
  static Float to_float(Int a) { return _mm256_cvtepi32_ps(a); }                                   \
  static Float set1(float a) { return _mm256_set1_ps(a); }                                         \
  static Float broadcast_float(const std::byte* at) { return _mm256_castsi256_ps(broadcast(at)); } \
  static Float load_float(const std::byte* at) {                                                   \
    return _mm256_loadu_ps(reinterpret_cast<const float*>(at));                                    \
  }                                                                                                \
  static Float halfs(const std::byte* at) {                                                        \
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));                 \
  }                                                                                                \
  static Float unsigned_bytes(const std::byte* at) {                                               \
    return _mm256_cvtepi32_ps(                                                                     \
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));              \
  }                                                                                                \
  static Float signed_bytes(const std::byte* at) {                                                 \
    return _mm256_cvtepi32_ps(                                                                     \
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));              \
  }                                                                                                \
  static Float mul(Float a, Float b) { return _mm256_mul_ps(a, b); }                               \
  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }                               \
  static Float sub(Float a, Float b) { return _mm256_sub_ps(a, b); }                               \
  static Float fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }                 \
  static Float load_sums(const float* at) { return _mm256_loadu_ps(at); }                          \
  static void store(float* at, Float a) { _mm256_storeu_ps(at, a); }                               \
  static Int magnitude(const float* at) {                                                          \
    return _mm256_and_si256(load(reinterpret_cast<const std::byte*>(at)),                          \
                            _mm256_set1_epi32(0x7fffffff));                                        \
  }                                                                                                \
  static std::int32_t largest_magnitude(const float* from) {                                       \
    return largest_of(                                                                             \
        _mm256_max_epi32(_mm256_max_epi32(magnitude(from), magnitude(from + 8)),                   \
                         _mm256_max_epi32(magnitude(from + 16), magnitude(from + 24))));           \
  }                                                                                                \
  static __m128i rounded(const float* from, Float inverse) {                                       \
    const Int a = _mm256_cvtps_epi32(mul(_mm256_loadu_ps(from), inverse));                         \
    const Int b = _mm256_cvtps_epi32(mul(_mm256_loadu_ps(from + 8), inverse));                     \
    const __m128i low =                                                                            \
        _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));                \
    const __m128i high =                                                                           \
        _mm_packs_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));                \
    return _mm_packs_epi16(low, high);                                                             \
  }                                                                                                \
  static void round(const float* from, float inverse, std::byte* to, std::int32_t& first,          \
                    std::int32_t& second) {                                                        \
    const Float factor = set1(inverse);                                                            \
    const __m128i low = rounded(from, factor), high = rounded(from + 16, factor);                  \
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), low);                                         \
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), high);                                   \
    first = sum_of_bytes(low);                                                                     \
    second = sum_of_bytes(high);                                                                   \
  }

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::linear::avx2 {
namespace {
AISP_LINEAR_REDUCTIONS
struct V {
  AISP_LINEAR_VECTOR_256
  static Int start(const std::byte*) { return zero(); }
  template <bool kSigned>
  static Int dot(Int sum, Int w, Int x) {
    __m256i pairs;
    if constexpr (kSigned) {
      const __m256i value = _mm256_xor_si256(w, _mm256_set1_epi8(static_cast<char>(0x80)));
      pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(value), _mm256_sign_epi8(x, value));
    } else {
      pairs = _mm256_maddubs_epi16(w, x);
    }
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};
using F = simd::avx2::V;
constexpr int kRows = 4, kFloatRows = 3;
#include "kernels/linear/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::linear::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN("avx2,fma,f16c,bmi,bmi2,avxvnni")
namespace aisp::kernels::linear::avx_vnni {
namespace {
AISP_LINEAR_REDUCTIONS
struct V {
  AISP_LINEAR_VECTOR_256
  static Int start(const std::byte* at) { return broadcast(at); }
  template <bool>
  static Int dot(Int sum, Int w, Int x) {
    return _mm256_dpbusd_avx_epi32(sum, w, x);
  }
};
using F = simd::avx2::V;
constexpr int kRows = 4, kFloatRows = 3;
#include "kernels/linear/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::linear::avx_vnni
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512_VNNI
namespace aisp::kernels::linear::avx512_vnni {
namespace {
AISP_LINEAR_REDUCTIONS
struct V {
  static constexpr int kWidth = 16;
  using Int = __m512i;
  using Float = __m512;
  static Int load(const std::byte* at) { return _mm512_loadu_si512(at); }
  static Int zero() { return _mm512_setzero_si512(); }
  static Int broadcast(const std::byte* at) {
    int word;
    std::memcpy(&word, at, 4);
    return _mm512_set1_epi32(word);
  }
  static Int start(const std::byte* at) { return broadcast(at); }
  template <bool>
  static Int dot(Int sum, Int w, Int x) {
    return _mm512_dpbusd_epi32(sum, w, x);
  }
  // maskz forms here and below: the plain ones make g++ 12 warn about its own header.
  template <int kBy, int kMask>
  static Int left(Int a) {
    return _mm512_and_si512(kBy == 0 ? a : _mm512_maskz_slli_epi32(0xffff, a, kBy),
                            _mm512_set1_epi8(static_cast<char>(kMask)));
  }
  template <int kBy, int kMask>
  static Int right(Int a) {
    return _mm512_and_si512(_mm512_maskz_srli_epi32(0xffff, a, kBy),
                            _mm512_set1_epi8(static_cast<char>(kMask)));
  }
  static Int either(Int a, Int b) { return _mm512_or_si512(a, b); }
  static void widen(Int a, Float& low, Float& high) {
    low = _mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, a, 16));
    high = _mm512_castsi512_ps(_mm512_and_si512(a, _mm512_set1_epi32(static_cast<int>(~0xffffu))));
  }
  static Float to_float(Int a) { return _mm512_maskz_cvtepi32_ps(0xffff, a); }
  static Float set1(float a) { return _mm512_set1_ps(a); }
  static Float broadcast_float(const std::byte* at) { return _mm512_castsi512_ps(broadcast(at)); }
  static Float load_float(const std::byte* at) { return _mm512_loadu_ps(at); }
  static Float halfs(const std::byte* at) {
    return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  }
  static __m128i bytes(const std::byte* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static Float unsigned_bytes(const std::byte* at) {
    return to_float(_mm512_maskz_cvtepu8_epi32(0xffff, bytes(at)));
  }
  static Float signed_bytes(const std::byte* at) {
    return to_float(_mm512_maskz_cvtepi8_epi32(0xffff, bytes(at)));
  }
  static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float load_sums(const float* at) { return _mm512_loadu_ps(at); }
  static void store(float* at, Float a) { _mm512_storeu_ps(at, a); }
  static Int magnitude(const float* at) {
    return _mm512_and_si512(_mm512_loadu_si512(at), _mm512_set1_epi32(0x7fffffff));
  }
  static std::int32_t largest_magnitude(const float* from) {
    const Int most = _mm512_maskz_max_epi32(0xffff, magnitude(from), magnitude(from + 16));
    return largest_of(_mm256_max_epi32(_mm512_maskz_extracti32x8_epi32(0xff, most, 0),
                                       _mm512_maskz_extracti32x8_epi32(0xff, most, 1)));
  }
  static __m128i rounded(const float* from, Float inverse) {
    const Int q = _mm512_maskz_cvtps_epi32(0xffff, mul(_mm512_loadu_ps(from), inverse));
    return _mm512_maskz_cvtepi32_epi8(0xffff, q);
  }
  static void round(const float* from, float inverse, std::byte* to, std::int32_t& first,
                    std::int32_t& second) {
    const Float factor = set1(inverse);
    const __m128i low = rounded(from, factor), high = rounded(from + 16, factor);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), high);
    first = sum_of_bytes(low);
    second = sum_of_bytes(high);
  }
};
using F = simd::avx512::V;
constexpr int kRows = 12, kFloatRows = 6;
#include "kernels/linear/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::linear::avx512_vnni
AISP_TARGET_END

#endif
