// The three instruction sets: the vector each one offers, and simd.inc around it.
// Tile sizes from the register files. AVX-512: 32 registers = 14 x 2 sums + 2 columns of B + 2
// values of A; 28 independent sums cover 2 multipliers x 4 cycles latency 3.5 times, and 16 loads
// feed 28 FMAs, below the 2 loads a cycle that both Intel and Zen 4 sustain. AVX2: 16 registers = 6
// x 2 + 2 + 2. Portable: 4-wide vectors of the compiler (SSE2, NEON), same 6 x 2.
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/simd_target.h"
#include "kernels/gemm/parts.h"
#include "kernels/gemm/simd.h"

namespace aisp::kernels::gemm::portable {
namespace {
struct V {
  static constexpr int kWidth = 4;
  static constexpr int kRegisters = 16;
  using Reg = float __attribute__((vector_size(16)));
  using Mask = std::int64_t;
  using In = float;
  using Out = float;
  static constexpr bool kStartRow = false;
  static Mask mask(std::int64_t count) { return count; }
  static Reg zero() { return Reg{}; }
  static Reg start(const float*) { return zero(); }
  static Reg result(Reg sum) { return sum; }
  static Reg load(const float* at) {
    Reg value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  static Reg load(const float* at, Mask count) {
    Reg value{};
    for (int i = 0; i < kWidth && i < count; ++i) value[i] = at[i];
    return value;
  }
  static void store(float* at, Reg value) { std::memcpy(at, &value, sizeof(value)); }
  static void store(float* at, Reg value, Mask count) {
    for (int i = 0; i < kWidth && i < count; ++i) at[i] = value[i];
  }
  static Reg broadcast(const float* at) { return Reg{*at, *at, *at, *at}; }
  static Reg add(Reg x, Reg y) { return x + y; }
  static Reg fma(Reg x, Reg y, Reg sum) { return x * y + sum; }
};
constexpr int kRows = 6;
#include "kernels/gemm/simd.inc"
}  // namespace
const SimdFunctions kFunctions = {{kRows, 2 * V::kWidth}, &pack_a, &pack_b, &block};
}  // namespace aisp::kernels::gemm::portable

#if AISP_X86

AISP_TARGET_BEGIN_AVX2
namespace aisp::kernels::gemm::avx2 {
namespace {
struct V {
  static constexpr int kWidth = 8;
  static constexpr int kRegisters = 16;
  using Reg = __m256;
  using Mask = __m256i;
  using In = float;
  using Out = float;
  static constexpr bool kStartRow = false;
  static Mask mask(std::int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Reg zero() { return _mm256_setzero_ps(); }
  static Reg start(const float*) { return zero(); }
  static Reg result(Reg sum) { return sum; }
  static Reg load(const float* at) { return _mm256_loadu_ps(at); }
  static Reg load(const float* at, Mask m) { return _mm256_maskload_ps(at, m); }
  static void store(float* at, Reg value) { _mm256_storeu_ps(at, value); }
  static void store(float* at, Reg value, Mask m) { _mm256_maskstore_ps(at, m, value); }
  static Reg broadcast(const float* at) { return _mm256_broadcast_ss(at); }
  static Reg add(Reg x, Reg y) { return _mm256_add_ps(x, y); }
  static Reg fma(Reg x, Reg y, Reg sum) { return _mm256_fmadd_ps(x, y, sum); }
};
constexpr int kRows = 6;
#include "kernels/gemm/simd.inc"
}  // namespace
const SimdFunctions kFunctions = {{kRows, 2 * V::kWidth}, &pack_a, &pack_b, &block};
}  // namespace aisp::kernels::gemm::avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace aisp::kernels::gemm::avx512 {
namespace {
struct V {
  static constexpr int kWidth = 16;
  static constexpr int kRegisters = 32;
  using Reg = __m512;
  using Mask = __mmask16;
  using In = float;
  using Out = float;
  static constexpr bool kStartRow = false;
  static Mask mask(std::int64_t count) {
    return static_cast<Mask>(count >= kWidth ? 0xffffu : (1u << count) - 1u);
  }
  static Reg zero() { return _mm512_setzero_ps(); }
  static Reg start(const float*) { return zero(); }
  static Reg result(Reg sum) { return sum; }
  static Reg load(const float* at) { return _mm512_loadu_ps(at); }
  static Reg load(const float* at, Mask m) { return _mm512_maskz_loadu_ps(m, at); }
  static void store(float* at, Reg value) { _mm512_storeu_ps(at, value); }
  static void store(float* at, Reg value, Mask m) { _mm512_mask_storeu_ps(at, m, value); }
  static Reg broadcast(const float* at) { return _mm512_set1_ps(*at); }
  static Reg add(Reg x, Reg y) { return _mm512_add_ps(x, y); }
  static Reg fma(Reg x, Reg y, Reg sum) { return _mm512_fmadd_ps(x, y, sum); }
};
constexpr int kRows = 14;
#include "kernels/gemm/simd.inc"
}  // namespace
const SimdFunctions kFunctions = {{kRows, 2 * V::kWidth}, &pack_a, &pack_b, &block};
}  // namespace aisp::kernels::gemm::avx512
AISP_TARGET_END

#endif
