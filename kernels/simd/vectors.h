// Vectors of f32 behind one interface, a struct V per instruction set: portable (4 lanes), AVX2
// (8), AVX-512 (16). Kernels are written once against V, in a header that is included inside a
// target region and a namespace per instruction set; templates cannot do that, because a template
// defined outside of the region would be compiled without its instructions.
//
// Partial loads and stores touch only the first n lanes; n may exceed kLanes (then all).
// stream() stores past the caches where the machine can, to addresses aligned to the vector; a
// fence() orders what was streamed before later stores.
// max(a, b) returns b when either is NaN. fma rounds once where the hardware has it, else twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/simd_target.h"
#include "kernels/softmax/exp_simd.h"

// A helper that takes a vector and is not inlined may lose the vzeroupper of its caller (g++ 12).
#define AISP_VECTOR_INLINE __attribute__((always_inline))

namespace aisp::kernels::simd {

namespace portable {

struct V {
  using Reg = softmax::portable::Vec;
  static constexpr std::size_t kLanes = 4;
  AISP_VECTOR_INLINE static Reg set1(float value) { return Reg{} + value; }
  AISP_VECTOR_INLINE static Reg load(const float* at) {
    Reg value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  AISP_VECTOR_INLINE static void store(float* at, Reg value) {
    std::memcpy(at, &value, sizeof value);
  }
  AISP_VECTOR_INLINE static void stream(float* at, Reg value) { store(at, value); }
  AISP_VECTOR_INLINE static void fence() {}
  AISP_VECTOR_INLINE static std::size_t elements_to_alignment(const float* at) {
    return (0 - reinterpret_cast<std::uintptr_t>(at)) % sizeof(Reg) / sizeof(float);
  }
  AISP_VECTOR_INLINE static Reg load_partial(const float* at, std::size_t n, float missing) {
    Reg value = set1(missing);
    std::memcpy(&value, at, (n < kLanes ? n : kLanes) * sizeof(float));
    return value;
  }
  AISP_VECTOR_INLINE static void store_partial(float* at, std::size_t n, Reg value) {
    std::memcpy(at, &value, (n < kLanes ? n : kLanes) * sizeof(float));
  }
  AISP_VECTOR_INLINE static Reg add(Reg a, Reg b) { return a + b; }
  AISP_VECTOR_INLINE static Reg sub(Reg a, Reg b) { return a - b; }
  AISP_VECTOR_INLINE static Reg mul(Reg a, Reg b) { return a * b; }
  AISP_VECTOR_INLINE static Reg div(Reg a, Reg b) { return a / b; }
  AISP_VECTOR_INLINE static Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
  AISP_VECTOR_INLINE static Reg max(Reg a, Reg b) { return a > b ? a : b; }
  AISP_VECTOR_INLINE static Reg exp(Reg x) { return softmax::portable::exp(x); }
  AISP_VECTOR_INLINE static float sum_of_lanes(Reg a) { return (a[0] + a[2]) + (a[1] + a[3]); }
  /// at[i] = the sum of lanes of the i-th vector, together cheaper than one after the other.
  AISP_VECTOR_INLINE static void store_sums(float* at, Reg a, Reg b, Reg c, Reg d) {
    at[0] = sum_of_lanes(a);
    at[1] = sum_of_lanes(b);
    at[2] = sum_of_lanes(c);
    at[3] = sum_of_lanes(d);
  }
  AISP_VECTOR_INLINE static float max_of_lanes(Reg a) {
    const float left = a[0] > a[2] ? a[0] : a[2], right = a[1] > a[3] ? a[1] : a[3];
    return left > right ? left : right;
  }
};

}  // namespace portable

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {

/// Loads of 8 lanes starting at [8 - n] give n full lanes, then empty ones.
inline constexpr std::int32_t kMaskWindow[16] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                 0,  0,  0,  0,  0,  0,  0,  0};

struct V {
  using Reg = __m256;
  static constexpr std::size_t kLanes = 8;
  AISP_VECTOR_INLINE static Reg set1(float value) { return _mm256_set1_ps(value); }
  AISP_VECTOR_INLINE static Reg load(const float* at) { return _mm256_loadu_ps(at); }
  AISP_VECTOR_INLINE static void store(float* at, Reg value) { _mm256_storeu_ps(at, value); }
  AISP_VECTOR_INLINE static void stream(float* at, Reg value) { _mm256_stream_ps(at, value); }
  AISP_VECTOR_INLINE static void fence() { _mm_sfence(); }
  AISP_VECTOR_INLINE static std::size_t elements_to_alignment(const float* at) {
    return (0 - reinterpret_cast<std::uintptr_t>(at)) % sizeof(Reg) / sizeof(float);
  }
  AISP_VECTOR_INLINE static __m256i first(std::size_t n) {
    return _mm256_loadu_si256(
        reinterpret_cast<const __m256i*>(kMaskWindow + 8 - (n < kLanes ? n : kLanes)));
  }
  AISP_VECTOR_INLINE static Reg load_partial(const float* at, std::size_t n, float missing) {
    const __m256i mask = first(n);
    return _mm256_blendv_ps(set1(missing), _mm256_maskload_ps(at, mask), _mm256_castsi256_ps(mask));
  }
  AISP_VECTOR_INLINE static void store_partial(float* at, std::size_t n, Reg value) {
    _mm256_maskstore_ps(at, first(n), value);
  }
  AISP_VECTOR_INLINE static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  AISP_VECTOR_INLINE static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  AISP_VECTOR_INLINE static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  AISP_VECTOR_INLINE static Reg div(Reg a, Reg b) { return _mm256_div_ps(a, b); }
  AISP_VECTOR_INLINE static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  AISP_VECTOR_INLINE static Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
  AISP_VECTOR_INLINE static Reg exp(Reg x) { return softmax::avx2::exp(x); }
  AISP_VECTOR_INLINE static float sum_of_lanes(Reg a) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
  }
  AISP_VECTOR_INLINE static void store_sums(float* at, Reg a, Reg b, Reg c, Reg d) {
    const __m256 sums = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    _mm_storeu_ps(at, _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1)));
  }
  AISP_VECTOR_INLINE static float max_of_lanes(Reg a) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
  }
};

}  // namespace avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace avx512 {

struct V {
  using Reg = __m512;
  static constexpr std::size_t kLanes = 16;
  AISP_VECTOR_INLINE static Reg set1(float value) { return _mm512_set1_ps(value); }
  AISP_VECTOR_INLINE static Reg load(const float* at) { return _mm512_loadu_ps(at); }
  AISP_VECTOR_INLINE static void store(float* at, Reg value) { _mm512_storeu_ps(at, value); }
  AISP_VECTOR_INLINE static void stream(float* at, Reg value) { _mm512_stream_ps(at, value); }
  AISP_VECTOR_INLINE static void fence() { _mm_sfence(); }
  AISP_VECTOR_INLINE static std::size_t elements_to_alignment(const float* at) {
    return (0 - reinterpret_cast<std::uintptr_t>(at)) % sizeof(Reg) / sizeof(float);
  }
  AISP_VECTOR_INLINE static __mmask16 first(std::size_t n) {
    return n >= kLanes ? 0xffff : static_cast<__mmask16>((1u << n) - 1u);
  }
  AISP_VECTOR_INLINE static Reg load_partial(const float* at, std::size_t n, float missing) {
    return _mm512_mask_loadu_ps(_mm512_set1_ps(missing), first(n), at);
  }
  AISP_VECTOR_INLINE static void store_partial(float* at, std::size_t n, Reg value) {
    _mm512_mask_storeu_ps(at, first(n), value);
  }
  AISP_VECTOR_INLINE static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  AISP_VECTOR_INLINE static Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  AISP_VECTOR_INLINE static Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  AISP_VECTOR_INLINE static Reg div(Reg a, Reg b) { return _mm512_div_ps(a, b); }
  AISP_VECTOR_INLINE static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  // maskz forms: the plain ones make g++ 12 warn about its own header.
  AISP_VECTOR_INLINE static Reg max(Reg a, Reg b) { return _mm512_maskz_max_ps(0xffff, a, b); }
  AISP_VECTOR_INLINE static Reg exp(Reg x) { return softmax::avx512::exp(x); }
  AISP_VECTOR_INLINE static __m256 lower(Reg a) { return _mm512_maskz_extractf32x8_ps(0xff, a, 0); }
  AISP_VECTOR_INLINE static __m256 upper(Reg a) { return _mm512_maskz_extractf32x8_ps(0xff, a, 1); }
  AISP_VECTOR_INLINE static float sum_of_lanes(Reg a) {
    const __m256 eight = _mm256_add_ps(lower(a), upper(a));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
  }
  AISP_VECTOR_INLINE static void store_sums(float* at, Reg a, Reg b, Reg c, Reg d) {
    const __m256 ab =
        _mm256_hadd_ps(_mm256_add_ps(lower(a), upper(a)), _mm256_add_ps(lower(b), upper(b)));
    const __m256 cd =
        _mm256_hadd_ps(_mm256_add_ps(lower(c), upper(c)), _mm256_add_ps(lower(d), upper(d)));
    const __m256 sums = _mm256_hadd_ps(ab, cd);
    _mm_storeu_ps(at, _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1)));
  }
  AISP_VECTOR_INLINE static float max_of_lanes(Reg a) {
    const __m256 eight = _mm256_max_ps(lower(a), upper(a));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
  }
};

}  // namespace avx512
AISP_TARGET_END
#endif

}  // namespace aisp::kernels::simd

#undef AISP_VECTOR_INLINE
