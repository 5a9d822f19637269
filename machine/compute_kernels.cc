// Multiply-accumulate loops. Each keeps enough independent accumulators in registers that the
// pipes, not the latency, decide: two pipes of latency 4 (Zen 2-5, Haswell to Granite Rapids: 4 or
// 5) need 8 to 10. The values converge to 2 and stay there: constant operands toggle few bits, so
// power does not throttle the loop, which is right for an upper bound. Source: Fog, "Instruction
// tables" (2024): latency and throughput of FMA, VPDPBUSD, VDPBF16PS.
#include "base/simd_target.h"
#include "machine/amx_kernels.h"
#include "machine/ceiling_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#endif

// Keeps a value in a floating-point register and hides it from the optimizer, which could otherwise
// join scalar chains into vectors, or drop a loop whose result nobody reads.
#if AISP_X86
#define AISP_KEEP(value) asm volatile("" : "+v"(value))
#define AISP_KEEP_BASE(value) asm volatile("" : "+x"(value))
#elif defined(__aarch64__)
#define AISP_KEEP_BASE(value) asm volatile("" : "+w"(value))
#else
#define AISP_KEEP_BASE(value) asm volatile("" : "+g"(value))
#endif

// A kernel with `count` accumulators of type `vector`; `step` computes the next value of `sum` from
// `sum`, `a` and `b`; `keep` runs on every accumulator at the end, `pin` also in the loop. A macro,
// because a template would be instantiated outside the target region.
#define AISP_ACCUMULATE(name, vector, count, init, a_value, b_value, step, pin, keep) \
  void name(std::int64_t iterations) {                                                \
    vector a = a_value, b = b_value;                                                  \
    keep(a);                                                                          \
    keep(b);                                                                          \
    vector sums[count];                                                               \
    _Pragma("GCC unroll 16") for (int i = 0; i < count; ++i) {                        \
      sums[i] = init;                                                                 \
      keep(sums[i]); /* else the chains are found equal, and one is computed */       \
    }                                                                                 \
    for (std::int64_t n = 0; n < iterations; ++n) {                                   \
      _Pragma("GCC unroll 16") for (int i = 0; i < count; ++i) {                      \
        vector& sum = sums[i];                                                        \
        step;                                                                         \
        pin(sum);                                                                     \
      }                                                                               \
    }                                                                                 \
    _Pragma("GCC unroll 16") for (int i = 0; i < count; ++i) keep(sums[i]);           \
  }
#define AISP_NO_PIN(value)

namespace aisp::machine {

// What code compiled without any flags executes: a multiply, then an add. In pairs, because a
// strict alternation puts unequal numbers of each on the pipes of Zen 4 (48 or 52 instead of 59
// GFLOP/s); 12 chains of 3 + 3 (AMD) or 4 + 4 (Intel) cycles keep the pipes full.
#define AISP_MULTIPLY_ADD(name, vector, set, multiply, add)                        \
  void name(std::int64_t iterations) {                                             \
    vector a = set(0.5f), b = set(1.0f);                                           \
    AISP_KEEP_BASE(a);                                                             \
    AISP_KEEP_BASE(b);                                                             \
    vector sums[12];                                                               \
    _Pragma("GCC unroll 16") for (int i = 0; i < 12; ++i) {                        \
      sums[i] = b;                                                                 \
      AISP_KEEP_BASE(sums[i]);                                                     \
    }                                                                              \
    for (std::int64_t n = 0; n < iterations; ++n) {                                \
      _Pragma("GCC unroll 16") for (int i = 0; i < 12; i += 2) {                   \
        sums[i] = multiply(sums[i], a);                                            \
        AISP_KEEP_BASE(sums[i]);                                                   \
        sums[i + 1] = multiply(sums[i + 1], a);                                    \
        AISP_KEEP_BASE(sums[i + 1]);                                               \
        sums[i] = add(sums[i], b);                                                 \
        AISP_KEEP_BASE(sums[i]);                                                   \
        sums[i + 1] = add(sums[i + 1], b);                                         \
        AISP_KEEP_BASE(sums[i + 1]);                                               \
      }                                                                            \
    }                                                                              \
    _Pragma("GCC unroll 16") for (int i = 0; i < 12; ++i) AISP_KEEP_BASE(sums[i]); \
  }

namespace scalar {
#define AISP_TIMES(x, y) ((x) * (y))
#define AISP_PLUS(x, y) ((x) + (y))
AISP_MULTIPLY_ADD(muladd_f32, float, float, AISP_TIMES, AISP_PLUS)
AISP_MULTIPLY_ADD(muladd_f64, double, double, AISP_TIMES, AISP_PLUS)
}  // namespace scalar

#if AISP_X86

// The same on four floats or two doubles, which every x86-64 has.
namespace sse2 {
AISP_MULTIPLY_ADD(muladd_f32, __m128, _mm_set1_ps, _mm_mul_ps, _mm_add_ps)
AISP_MULTIPLY_ADD(muladd_f64, __m128d, _mm_set1_pd, _mm_mul_pd, _mm_add_pd)
}  // namespace sse2

// 12 accumulators and 2 constants fit the 16 registers.
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
AISP_ACCUMULATE(scalar_fma_f32, float, 12, 1.0f, 0.5f, 1.0f, sum = __builtin_fmaf(sum, a, b),
                AISP_KEEP_BASE, AISP_KEEP_BASE)
AISP_ACCUMULATE(scalar_fma_f64, double, 12, 1.0, 0.5, 1.0, sum = __builtin_fma(sum, a, b),
                AISP_KEEP_BASE, AISP_KEEP_BASE)
AISP_ACCUMULATE(fma_f32, __m256, 12, _mm256_set1_ps(1), _mm256_set1_ps(0.5f), _mm256_set1_ps(1),
                sum = _mm256_fmadd_ps(sum, a, b), AISP_NO_PIN, AISP_KEEP_BASE)
AISP_ACCUMULATE(fma_f64, __m256d, 12, _mm256_set1_pd(1), _mm256_set1_pd(0.5), _mm256_set1_pd(1),
                sum = _mm256_fmadd_pd(sum, a, b), AISP_NO_PIN, AISP_KEEP_BASE)
}  // namespace avx2
AISP_TARGET_END

// 16 accumulators: two pipes of latency up to 8, and half of the 32 registers.
AISP_TARGET_BEGIN_AVX512
namespace avx512 {
AISP_ACCUMULATE(fma_f32, __m512, 16, _mm512_set1_ps(1), _mm512_set1_ps(0.5f), _mm512_set1_ps(1),
                sum = _mm512_fmadd_ps(sum, a, b), AISP_NO_PIN, AISP_KEEP)
AISP_ACCUMULATE(fma_f64, __m512d, 16, _mm512_set1_pd(1), _mm512_set1_pd(0.5), _mm512_set1_pd(1),
                sum = _mm512_fmadd_pd(sum, a, b), AISP_NO_PIN, AISP_KEEP)
}  // namespace avx512
AISP_TARGET_END

// Unsigned times signed bytes, four products added to each of 16 sums: 128 operations.
AISP_TARGET_BEGIN_AVX512_VNNI
namespace avx512_vnni {
AISP_ACCUMULATE(dot_i8, __m512i, 16, _mm512_set1_epi32(1), _mm512_set1_epi8(3),
                _mm512_set1_epi8(-5), sum = _mm512_dpbusd_epi32(sum, a, b), AISP_NO_PIN, AISP_KEEP)
}  // namespace avx512_vnni
AISP_TARGET_END

// Two bf16 products added to each of 16 f32 sums: 64 operations. 0x3f80 is 1.0 in bf16; the sums
// stop growing at 2^25, far from infinity.
AISP_TARGET_BEGIN_AVX512_BF16
namespace avx512_bf16 {
void dot_bf16(std::int64_t iterations) {
  __m512i a = _mm512_set1_epi16(0x3f80), b = a;
  AISP_KEEP(a);
  AISP_KEEP(b);
  __m512 sums[16];
  _Pragma("GCC unroll 16") for (int i = 0; i < 16; ++i) {
    sums[i] = _mm512_set1_ps(1);
    AISP_KEEP(sums[i]);
  }
  for (std::int64_t n = 0; n < iterations; ++n) {
    _Pragma("GCC unroll 16") for (int i = 0; i < 16; ++i) {
      sums[i] = _mm512_dpbf16_ps(sums[i], (__m512bh)a, (__m512bh)b);
    }
  }
  _Pragma("GCC unroll 16") for (int i = 0; i < 16; ++i) AISP_KEEP(sums[i]);
}
}  // namespace avx512_bf16
AISP_TARGET_END

#elif defined(__aarch64__)

namespace neon {
AISP_ACCUMULATE(fma_f32, float32x4_t, 16, vdupq_n_f32(1), vdupq_n_f32(0.5f), vdupq_n_f32(0),
                sum = vfmaq_f32(sum, a, b), AISP_NO_PIN, AISP_KEEP_BASE)
AISP_ACCUMULATE(fma_f64, float64x2_t, 16, vdupq_n_f64(1), vdupq_n_f64(0.5), vdupq_n_f64(0),
                sum = vfmaq_f64(sum, a, b), AISP_NO_PIN, AISP_KEEP_BASE)
AISP_ACCUMULATE(scalar_fma_f32, float, 16, 1.0f, 0.5f, 1.0f, sum = __builtin_fmaf(sum, a, b),
                AISP_KEEP_BASE, AISP_KEEP_BASE)
AISP_ACCUMULATE(scalar_fma_f64, double, 16, 1.0, 0.5, 1.0, sum = __builtin_fma(sum, a, b),
                AISP_KEEP_BASE, AISP_KEEP_BASE)
}  // namespace neon

#endif

// Register plus register, because some processors fold a chain of small constants into one addition
// (Golden Cove, at rename). The loop's own counter runs beside the chain.
#if AISP_X86 || defined(__aarch64__)
namespace {
void add_chain(std::int64_t iterations) {
  std::uint64_t sum = 1, addend = 3;
  for (std::int64_t n = 0; n < iterations; ++n) {
    _Pragma("GCC unroll 32") for (int i = 0; i < 32; ++i) {
#if AISP_X86
      asm volatile("add %1, %0" : "+r"(sum) : "r"(addend) : "cc");
#else
      asm volatile("add %0, %0, %1" : "+r"(sum) : "r"(addend));
#endif
    }
  }
}
}  // namespace
ClockKernel clock_kernel() { return add_chain; }
#else
ClockKernel clock_kernel() { return nullptr; }
#endif

std::vector<ComputeKernel> compute_kernels(const Cpu& cpu) {
  std::vector<ComputeKernel> kernels = {
      {"scalar", DType::kF32, 2.0 * 12, scalar::muladd_f32},
      {"scalar", DType::kF64, 2.0 * 12, scalar::muladd_f64},
  };
  const auto add = [&](bool present, ComputeKernel kernel) {
    if (present) kernels.push_back(kernel);
  };
#if AISP_X86
  add(cpu.avx2, {"scalar", DType::kF32, 2.0 * 12, avx2::scalar_fma_f32});
  add(cpu.avx2, {"scalar", DType::kF64, 2.0 * 12, avx2::scalar_fma_f64});
  add(true, {"sse2", DType::kF32, 2.0 * 4 * 12, sse2::muladd_f32});
  add(true, {"sse2", DType::kF64, 2.0 * 2 * 12, sse2::muladd_f64});
  add(cpu.avx2, {"avx2", DType::kF32, 2.0 * 8 * 12, avx2::fma_f32});
  add(cpu.avx2, {"avx2", DType::kF64, 2.0 * 4 * 12, avx2::fma_f64});
  add(cpu.avx512, {"avx512", DType::kF32, 2.0 * 16 * 16, avx512::fma_f32});
  add(cpu.avx512, {"avx512", DType::kF64, 2.0 * 8 * 16, avx512::fma_f64});
  add(cpu.avx512_vnni, {"avx512_vnni", DType::kI8, 2.0 * 64 * 16, avx512_vnni::dot_i8});
  add(cpu.avx512_bf16, {"avx512_bf16", DType::kBF16, 2.0 * 32 * 16, avx512_bf16::dot_bf16});
  add_amx_kernels(cpu, kernels);
#elif defined(__aarch64__)
  add(true, {"scalar", DType::kF32, 2.0 * 16, neon::scalar_fma_f32});
  add(true, {"scalar", DType::kF64, 2.0 * 16, neon::scalar_fma_f64});
  add(true, {"neon", DType::kF32, 2.0 * 4 * 16, neon::fma_f32});
  add(true, {"neon", DType::kF64, 2.0 * 2 * 16, neon::fma_f64});
#else
  add(false, {"scalar", DType::kF32, 0.0, nullptr});
#endif
  return kernels;
}

}  // namespace aisp::machine
