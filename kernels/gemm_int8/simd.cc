// The instruction sets of x86: the vector each one offers, and simd.inc around it. Tiles as in
// kernels/gemm, for the same reasons: 14 x 32 words with 32 registers, 6 x 16 with 16. Where VNNI
// is missing, a word is two 16-bit numbers and vpmaddwd adds two products of at most 65280, which
// is exact (vpmaddubsw would saturate at 32767); it needs a register for its result, and there is
// just one left.
// Source: Intel 64 and IA-32 SDM, VPDPBUSD, VPMADDWD; Rodriguez et al., "Lower Numerical Precision
// Deep Learning Inference and Training" (Intel, 2018), for the offset of 128.
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/simd_target.h"
#include "kernels/gemm/parts.h"
#include "kernels/gemm_int8/simd.h"

#if AISP_X86

namespace aisp::kernels::gemm_int8 {
using gemm::RowSplit;
using gemm::split_rows;

// Words of VNNI: four bytes. A signed A is made unsigned by adding 128 (the sign bit flipped), and
// the sums then start at -128 times the sum of their column of B instead of zero.
struct ByteWords {
  static constexpr int kGroup = 4;
  static constexpr bool kStartRow = true;
  static constexpr std::int64_t kMostWords = 0;
  using In = std::uint32_t;
  using Out = std::int32_t;
};

// Words of vpmaddwd: two 16-bit numbers.
struct PairWords {
  static constexpr int kGroup = 2;
  static constexpr bool kStartRow = false;
  static constexpr std::int64_t kMostWords = 0;
  using In = std::uint32_t;
  using Out = std::int32_t;
};

}  // namespace aisp::kernels::gemm_int8

// The vector of 256 bits, less what differs: `dot` with and without VNNI.
#define AISP_VECTOR_256                                                                           \
  static constexpr int kWidth = 8;                                                                \
  using Reg = __m256i;                                                                            \
  using Mask = __m256i;                                                                           \
  static Mask mask(std::int64_t count) {                                                          \
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),                         \
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));                         \
  }                                                                                               \
  static Reg load(const void* at) { return _mm256_loadu_si256(static_cast<const __m256i*>(at)); } \
  static Reg load(const void* at, Mask m) {                                                       \
    return _mm256_maskload_epi32(static_cast<const int*>(at), m);                                 \
  }                                                                                               \
  static void store(void* at, Reg value) {                                                        \
    _mm256_storeu_si256(static_cast<__m256i*>(at), value);                                        \
  }                                                                                               \
  static void store(Out* at, Reg value, Mask m) { _mm256_maskstore_epi32(at, m, value); }         \
  static Reg zero() { return _mm256_setzero_si256(); }                                            \
  static Reg set1(std::uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }       \
  static Reg broadcast(const In* at) { return set1(*at); }                                        \
  static Reg result(Reg sum) { return sum; }                                                      \
  static Reg add(Reg x, Reg y) { return _mm256_add_epi32(x, y); }                                 \
  static Reg sub(Reg x, Reg y) { return _mm256_sub_epi32(x, y); }

#define AISP_VECTOR_512                                                                     \
  static constexpr int kWidth = 16;                                                         \
  using Reg = __m512i;                                                                      \
  using Mask = __mmask16;                                                                   \
  static Mask mask(std::int64_t count) {                                                    \
    return static_cast<Mask>(count >= kWidth ? 0xffffu : (1u << count) - 1u);               \
  }                                                                                         \
  static Reg load(const void* at) { return _mm512_loadu_si512(at); }                        \
  static Reg load(const void* at, Mask m) { return _mm512_maskz_loadu_epi32(m, at); }       \
  static void store(void* at, Reg value) { _mm512_storeu_si512(at, value); }                \
  static void store(Out* at, Reg value, Mask m) { _mm512_mask_storeu_epi32(at, m, value); } \
  static Reg zero() { return _mm512_setzero_si512(); }                                      \
  static Reg set1(std::uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); } \
  static Reg broadcast(const In* at) { return set1(*at); }                                  \
  static Reg result(Reg sum) { return sum; }                                                \
  static Reg add(Reg x, Reg y) { return _mm512_add_epi32(x, y); }                           \
  static Reg sub(Reg x, Reg y) { return _mm512_sub_epi32(x, y); }

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::gemm_int8::avx2 {
namespace {
struct V : PairWords {
  AISP_VECTOR_256
  static Reg start(const In*) { return zero(); }
  static Reg fma(Reg x, Reg y, Reg sum) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, y)); }
};
constexpr int kRows = 6;
#include "kernels/gemm_int8/pairs.inc"
#include "kernels/gemm_int8/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::gemm_int8::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN("avx2,fma,f16c,bmi,bmi2,avxvnni")
namespace aisp::kernels::gemm_int8::avx2_vnni {
namespace {
struct V : ByteWords {
  AISP_VECTOR_256
  static Reg start(const In* at) { return load(at); }
  static Reg fma(Reg x, Reg y, Reg sum) { return _mm256_dpbusd_avx_epi32(sum, x, y); }
};
constexpr int kRows = 6;
#include "kernels/gemm_int8/bytes.inc"
#include "kernels/gemm_int8/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::gemm_int8::avx2_vnni
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace aisp::kernels::gemm_int8::avx512 {
namespace {
struct V : PairWords {
  AISP_VECTOR_512
  static Reg start(const In*) { return zero(); }
  static Reg fma(Reg x, Reg y, Reg sum) { return _mm512_add_epi32(sum, _mm512_madd_epi16(x, y)); }
};
constexpr int kRows = 14;
#include "kernels/gemm_int8/pairs.inc"
#include "kernels/gemm_int8/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::gemm_int8::avx512
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512_VNNI
namespace aisp::kernels::gemm_int8::avx512_vnni {
namespace {
struct V : ByteWords {
  AISP_VECTOR_512
  static Reg start(const In* at) { return load(at); }
  static Reg fma(Reg x, Reg y, Reg sum) { return _mm512_dpbusd_epi32(sum, x, y); }
};
constexpr int kRows = 14;
#include "kernels/gemm_int8/bytes.inc"
#include "kernels/gemm_int8/simd.inc"
}  // namespace
Variant functions() { return filled(); }
}  // namespace aisp::kernels::gemm_int8::avx512_vnni
AISP_TARGET_END

#endif
