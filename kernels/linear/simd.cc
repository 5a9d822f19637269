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
#include "kernels/simd/mixed_vectors.h"
#include "kernels/simd/vectors.h"

#if AISP_X86

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::linear::avx2 {
namespace {
struct V : simd::avx2::Mixed {
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
struct V : simd::avx2::Mixed {
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
struct V : simd::avx512::Mixed {
  static Int start(const std::byte* at) { return broadcast(at); }
  template <bool>
  static Int dot(Int sum, Int w, Int x) {
    return _mm512_dpbusd_epi32(sum, w, x);
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
