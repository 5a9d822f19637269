// The instruction sets: vectors of kernels/simd with a product of bytes, and simd.inc around them.
// Rows from the register files. 32 registers: 12 rows x 2 vectors of scores; 6 rows x 4 vectors of
// sums of V; with 8 bits 3 x 4 integer and as many f32 sums. 16 registers: half of it.
#include "kernels/paged_attention/simd.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kernels/simd/mixed_vectors.h"
#include "kernels/simd/vectors.h"

namespace aisp::kernels::paged_attention::portable {
namespace {
struct V : simd::portable::Mixed {
  static Int dot(Int sum, Int unsigned_four, Int signed_four) {
    std::uint8_t a[16];
    std::int8_t b[16];
    std::memcpy(a, &unsigned_four, 16);
    std::memcpy(b, &signed_four, 16);
    for (int i = 0; i < 16; ++i) sum[i / 4] += a[i] * b[i];
    return sum;
  }
};
using F = simd::portable::V;
constexpr int kRows = 4, kOutRows = 4, kByteRows = 2, kOutVectors = 2;
#include "kernels/paged_attention/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::paged_attention::portable

#if AISP_X86

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::paged_attention::avx2 {
namespace {
struct V : simd::avx2::Mixed {
  // In pairs of 16 bits, even and odd bytes: VPMADDUBSW would saturate at 255 * 127 * 2.
  static Int dot(Int sum, Int a, Int b) {
    const __m256i even = _mm256_madd_epi16(_mm256_and_si256(a, _mm256_set1_epi16(255)),
                                           _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8));
    const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(a, 8), _mm256_srai_epi16(b, 8));
    return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
  }
};
using F = simd::avx2::V;
constexpr int kRows = 6, kOutRows = 6, kByteRows = 3, kOutVectors = 2;
#include "kernels/paged_attention/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::paged_attention::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512_VNNI
namespace aisp::kernels::paged_attention::avx512_vnni {
namespace {
struct V : simd::avx512::Mixed {
  static Int dot(Int sum, Int a, Int b) { return _mm512_dpbusd_epi32(sum, a, b); }
};
using F = simd::avx512::V;
constexpr int kRows = 12, kOutRows = 6, kByteRows = 3, kOutVectors = 4;
#include "kernels/paged_attention/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::paged_attention::avx512_vnni
AISP_TARGET_END

#endif
