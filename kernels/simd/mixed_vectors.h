// Vectors of 32-bit lanes for kernels that read packed numbers: integers, and the f32 that bytes,
// f16 and bf16 widen to; a struct Mixed per instruction set, portable (4 lanes), AVX2 (8), AVX-512
// (16). As kernels/simd/vectors.h, whose structs have more of f32 arithmetic, it is included first
// and used inside a target region; a user derives from it what differs between its variants.
// Loads take any alignment. left<s, m>(a) is a << s and right<s, m>(a) is a >> s, both masked with
// m in every byte; m clears what moves from one byte into another. widen(a) reads 32-bit lanes as
// two bf16, the low one first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/dtype.h"
#include "base/simd_target.h"

// A helper that takes a vector and is not inlined may lose the vzeroupper of its caller (g++ 12).
#define AISP_MIXED_INLINE __attribute__((always_inline))

namespace aisp::kernels::simd {

namespace portable {
struct Mixed {
  static constexpr int kWidth = 4;
  using Int = std::int32_t __attribute__((vector_size(16)));
  using Float = float __attribute__((vector_size(16)));
  AISP_MIXED_INLINE static Int load(const std::byte* at) {
    Int value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  AISP_MIXED_INLINE static Int zero() { return Int{}; }
  AISP_MIXED_INLINE static Int broadcast(const std::byte* at) {
    std::int32_t word;
    std::memcpy(&word, at, 4);
    return Int{} + word;
  }
  template <int kBy, int kMask>
  AISP_MIXED_INLINE static Int left(Int a) {
    return (a << kBy) & (Int{} + static_cast<std::int32_t>(0x01010101u * kMask));
  }
  template <int kBy, int kMask>
  AISP_MIXED_INLINE static Int right(Int a) {
    return (a >> kBy) & (Int{} + static_cast<std::int32_t>(0x01010101u * kMask));
  }
  AISP_MIXED_INLINE static Int either(Int a, Int b) { return a | b; }
  AISP_MIXED_INLINE static void widen(Int a, Float& low, Float& high) {
    low = reinterpret_cast<Float>(a << 16);
    high = reinterpret_cast<Float>(a & (Int{} + static_cast<std::int32_t>(0xffff0000u)));
  }
  AISP_MIXED_INLINE static Float to_float(Int a) { return __builtin_convertvector(a, Float); }
  AISP_MIXED_INLINE static Float set1(float a) { return Float{} + a; }
  AISP_MIXED_INLINE static Float broadcast_float(const std::byte* at) {
    return reinterpret_cast<Float>(broadcast(at));
  }
  AISP_MIXED_INLINE static Float load_float(const std::byte* at) {
    return reinterpret_cast<Float>(load(at));
  }
  AISP_MIXED_INLINE static Float halfs(const std::byte* at) {
    Float value;
    for (int i = 0; i < 4; ++i) {
      f16 half;
      std::memcpy(&half.bits, at + 2 * i, 2);
      value[i] = static_cast<float>(half);
    }
    return value;
  }
  AISP_MIXED_INLINE static Float bf16s(const std::byte* at) {
    Float value;
    for (int i = 0; i < 4; ++i) {
      bf16 number;
      std::memcpy(&number.bits, at + 2 * i, 2);
      value[i] = static_cast<float>(number);
    }
    return value;
  }
  AISP_MIXED_INLINE static Float unsigned_bytes(const std::byte* at) {
    Float value;
    for (int i = 0; i < 4; ++i) value[i] = static_cast<float>(static_cast<std::uint8_t>(at[i]));
    return value;
  }
  AISP_MIXED_INLINE static Float signed_bytes(const std::byte* at) {
    Float value;
    for (int i = 0; i < 4; ++i) value[i] = static_cast<float>(static_cast<std::int8_t>(at[i]));
    return value;
  }
  AISP_MIXED_INLINE static Float mul(Float a, Float b) { return a * b; }
  AISP_MIXED_INLINE static Float add(Float a, Float b) { return a + b; }
  AISP_MIXED_INLINE static Float sub(Float a, Float b) { return a - b; }
  AISP_MIXED_INLINE static Float fma(Float a, Float b, Float c) { return a * b + c; }
  AISP_MIXED_INLINE static Float load_sums(const float* at) {
    return load_float(reinterpret_cast<const std::byte*>(at));
  }
  AISP_MIXED_INLINE static void store(float* at, Float a) { std::memcpy(at, &a, sizeof(a)); }
  AISP_MIXED_INLINE static std::int32_t largest_magnitude(const float* from) {
    std::int32_t most = 0;
    for (int i = 0; i < 32; ++i) {
      const std::int32_t magnitude = __builtin_bit_cast(std::int32_t, from[i]) & 0x7fffffff;
      most = magnitude > most ? magnitude : most;
    }
    return most;
  }
  // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits.
  AISP_MIXED_INLINE static void round(const float* from, float inverse, std::byte* to,
                                      std::int32_t& first, std::int32_t& second) {
    first = second = 0;
    for (int i = 0; i < 32; ++i) {
      const float shifted = from[i] * inverse + 12582912.0f;
      const auto q = static_cast<std::int8_t>(__builtin_bit_cast(std::uint32_t, shifted));
      (i < 16 ? first : second) += q;
      to[i] = static_cast<std::byte>(q);
    }
  }
};
}  // namespace portable

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
AISP_MIXED_INLINE inline std::int32_t largest_of(__m256i a) {
  __m128i most = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  most = _mm_max_epi32(most, _mm_shuffle_epi32(most, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(most, _mm_shuffle_epi32(most, 0xb1)));
}
/* Differences from zero add unsigned bytes: 128 is added to each and taken off again. */
AISP_MIXED_INLINE inline std::int32_t sum_of_bytes(__m128i a) {
  const __m128i flipped = _mm_xor_si128(a, _mm_set1_epi8(static_cast<char>(0x80)));
  const __m128i sums = _mm_sad_epu8(flipped, _mm_setzero_si128());
  return _mm_cvtsi128_si32(_mm_add_epi32(sums, _mm_shuffle_epi32(sums, 0x4e))) - 16 * 128;
}
struct Mixed {
  static constexpr int kWidth = 8;
  using Int = __m256i;
  using Float = __m256;
  AISP_MIXED_INLINE static Int load(const std::byte* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  }
  AISP_MIXED_INLINE static Int zero() { return _mm256_setzero_si256(); }
  AISP_MIXED_INLINE static Int broadcast(const std::byte* at) {
    int word;
    std::memcpy(&word, at, 4);
    return _mm256_set1_epi32(word);
  }
  template <int kBy, int kMask>
  AISP_MIXED_INLINE static Int left(Int a) {
    return _mm256_and_si256(kBy == 0 ? a : _mm256_slli_epi32(a, kBy),
                            _mm256_set1_epi8(static_cast<char>(kMask)));
  }
  template <int kBy, int kMask>
  AISP_MIXED_INLINE static Int right(Int a) {
    return _mm256_and_si256(_mm256_srli_epi32(a, kBy), _mm256_set1_epi8(static_cast<char>(kMask)));
  }
  AISP_MIXED_INLINE static Int either(Int a, Int b) { return _mm256_or_si256(a, b); }
  AISP_MIXED_INLINE static void widen(Int a, Float& low, Float& high) {
    low = _mm256_castsi256_ps(_mm256_slli_epi32(a, 16));
    high = _mm256_castsi256_ps(_mm256_and_si256(a, _mm256_set1_epi32(static_cast<int>(~0xffffu))));
  }
  AISP_MIXED_INLINE static Float to_float(Int a) { return _mm256_cvtepi32_ps(a); }
  AISP_MIXED_INLINE static Float set1(float a) { return _mm256_set1_ps(a); }
  AISP_MIXED_INLINE static Float broadcast_float(const std::byte* at) {
    return _mm256_castsi256_ps(broadcast(at));
  }
  AISP_MIXED_INLINE static Float load_float(const std::byte* at) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(at));
  }
  AISP_MIXED_INLINE static Float halfs(const std::byte* at) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  }
  AISP_MIXED_INLINE static Float bf16s(const std::byte* at) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))), 16));
  }
  AISP_MIXED_INLINE static Float unsigned_bytes(const std::byte* at) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
  }
  AISP_MIXED_INLINE static Float signed_bytes(const std::byte* at) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(at))));
  }
  AISP_MIXED_INLINE static Float mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  AISP_MIXED_INLINE static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  AISP_MIXED_INLINE static Float sub(Float a, Float b) { return _mm256_sub_ps(a, b); }
  AISP_MIXED_INLINE static Float fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
  AISP_MIXED_INLINE static Float load_sums(const float* at) { return _mm256_loadu_ps(at); }
  AISP_MIXED_INLINE static void store(float* at, Float a) { _mm256_storeu_ps(at, a); }
  AISP_MIXED_INLINE static Int magnitude(const float* at) {
    return _mm256_and_si256(load(reinterpret_cast<const std::byte*>(at)),
                            _mm256_set1_epi32(0x7fffffff));
  }
  AISP_MIXED_INLINE static std::int32_t largest_magnitude(const float* from) {
    return largest_of(
        _mm256_max_epi32(_mm256_max_epi32(magnitude(from), magnitude(from + 8)),
                         _mm256_max_epi32(magnitude(from + 16), magnitude(from + 24))));
  }
  AISP_MIXED_INLINE static __m128i rounded(const float* from, Float inverse) {
    const Int a = _mm256_cvtps_epi32(mul(_mm256_loadu_ps(from), inverse));
    const Int b = _mm256_cvtps_epi32(mul(_mm256_loadu_ps(from + 8), inverse));
    const __m128i low = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i high = _mm_packs_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
    return _mm_packs_epi16(low, high);
  }
  AISP_MIXED_INLINE static void round(const float* from, float inverse, std::byte* to,
                                      std::int32_t& first, std::int32_t& second) {
    const Float factor = set1(inverse);
    const __m128i low = rounded(from, factor), high = rounded(from + 16, factor);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), high);
    first = sum_of_bytes(low);
    second = sum_of_bytes(high);
  }
};
}  // namespace avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace avx512 {
using avx2::largest_of;
using avx2::sum_of_bytes;
struct Mixed {
  static constexpr int kWidth = 16;
  using Int = __m512i;
  using Float = __m512;
  AISP_MIXED_INLINE static Int load(const std::byte* at) { return _mm512_loadu_si512(at); }
  AISP_MIXED_INLINE static Int zero() { return _mm512_setzero_si512(); }
  AISP_MIXED_INLINE static Int broadcast(const std::byte* at) {
    int word;
    std::memcpy(&word, at, 4);
    return _mm512_set1_epi32(word);
  }
  // maskz forms here and below: the plain ones make g++ 12 warn about its own header.
  template <int kBy, int kMask>
  AISP_MIXED_INLINE static Int left(Int a) {
    return _mm512_and_si512(kBy == 0 ? a : _mm512_maskz_slli_epi32(0xffff, a, kBy),
                            _mm512_set1_epi8(static_cast<char>(kMask)));
  }
  template <int kBy, int kMask>
  AISP_MIXED_INLINE static Int right(Int a) {
    return _mm512_and_si512(_mm512_maskz_srli_epi32(0xffff, a, kBy),
                            _mm512_set1_epi8(static_cast<char>(kMask)));
  }
  AISP_MIXED_INLINE static Int either(Int a, Int b) { return _mm512_or_si512(a, b); }
  AISP_MIXED_INLINE static void widen(Int a, Float& low, Float& high) {
    low = _mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, a, 16));
    high = _mm512_castsi512_ps(_mm512_and_si512(a, _mm512_set1_epi32(static_cast<int>(~0xffffu))));
  }
  AISP_MIXED_INLINE static Float to_float(Int a) { return _mm512_maskz_cvtepi32_ps(0xffff, a); }
  AISP_MIXED_INLINE static Float set1(float a) { return _mm512_set1_ps(a); }
  AISP_MIXED_INLINE static Float broadcast_float(const std::byte* at) {
    return _mm512_castsi512_ps(broadcast(at));
  }
  AISP_MIXED_INLINE static Float load_float(const std::byte* at) { return _mm512_loadu_ps(at); }
  AISP_MIXED_INLINE static Float halfs(const std::byte* at) {
    return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  }
  AISP_MIXED_INLINE static Float bf16s(const std::byte* at) {
    const Int wide = _mm512_maskz_cvtepu16_epi32(
        0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, wide, 16));
  }
  AISP_MIXED_INLINE static __m128i bytes(const std::byte* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  AISP_MIXED_INLINE static Float unsigned_bytes(const std::byte* at) {
    return to_float(_mm512_maskz_cvtepu8_epi32(0xffff, bytes(at)));
  }
  AISP_MIXED_INLINE static Float signed_bytes(const std::byte* at) {
    return to_float(_mm512_maskz_cvtepi8_epi32(0xffff, bytes(at)));
  }
  AISP_MIXED_INLINE static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  AISP_MIXED_INLINE static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  AISP_MIXED_INLINE static Float sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  AISP_MIXED_INLINE static Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  AISP_MIXED_INLINE static Float load_sums(const float* at) { return _mm512_loadu_ps(at); }
  AISP_MIXED_INLINE static void store(float* at, Float a) { _mm512_storeu_ps(at, a); }
  AISP_MIXED_INLINE static Int magnitude(const float* at) {
    return _mm512_and_si512(_mm512_loadu_si512(at), _mm512_set1_epi32(0x7fffffff));
  }
  AISP_MIXED_INLINE static std::int32_t largest_magnitude(const float* from) {
    const Int most = _mm512_maskz_max_epi32(0xffff, magnitude(from), magnitude(from + 16));
    return largest_of(_mm256_max_epi32(_mm512_maskz_extracti32x8_epi32(0xff, most, 0),
                                       _mm512_maskz_extracti32x8_epi32(0xff, most, 1)));
  }
  AISP_MIXED_INLINE static __m128i rounded(const float* from, Float inverse) {
    const Int q = _mm512_maskz_cvtps_epi32(0xffff, mul(_mm512_loadu_ps(from), inverse));
    return _mm512_maskz_cvtepi32_epi8(0xffff, q);
  }
  AISP_MIXED_INLINE static void round(const float* from, float inverse, std::byte* to,
                                      std::int32_t& first, std::int32_t& second) {
    const Float factor = set1(inverse);
    const __m128i low = rounded(from, factor), high = rounded(from + 16, factor);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 16), high);
    first = sum_of_bytes(low);
    second = sum_of_bytes(high);
  }
};
}  // namespace avx512
AISP_TARGET_END
#endif

}  // namespace aisp::kernels::simd

#undef AISP_MIXED_INLINE
