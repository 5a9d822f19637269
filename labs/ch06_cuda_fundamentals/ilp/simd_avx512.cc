// Eight vectors of 16 lanes: 128 chains in flight, each step one fused multiply-add (one rounding
// instead of two, and 4 cycles instead of 6). Scores: four keys in flight, lanes along the head.
#include "base/simd_target.h"
#include "labs/ch06_cuda_fundamentals/ilp/problem.h"

namespace aisp::labs::ch06::ilp {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {

constexpr int kLanes = 16;
// Latency 4 times at most 2 fused multiply-adds a cycle.
constexpr int kVectors = 8;
// With four keys, four loads of keys and one of q feed four FMAs: two loads a cycle is the limit.
constexpr int kKeys = 4;

void square_map(const Chains& work) {
  std::int64_t i = 0;
  for (; i + kVectors * kLanes <= work.chains; i += kVectors * kLanes) {
    __m512 value[kVectors], c[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      value[v] = _mm512_loadu_ps(work.start + i + v * kLanes);
      c[v] = _mm512_loadu_ps(work.step + i + v * kLanes);
    }
    for (std::int64_t s = 0; s < work.steps; ++s) {
      for (int v = 0; v < kVectors; ++v) value[v] = _mm512_fmadd_ps(value[v], value[v], c[v]);
    }
    for (int v = 0; v < kVectors; ++v) _mm512_storeu_ps(work.y + i + v * kLanes, value[v]);
  }
  square_map_from(work, i);
}

inline float horizontal_sum(__m512 sixteen) {
  // The maskz forms, because the plain ones make g++ 12 warn about its own header.
  const __m256 eight = _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xff, sixteen, 0),
                                     _mm512_maskz_extractf32x8_ps(0xff, sixteen, 1));
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

void scores(const Chains& work) {
  std::int64_t i = 0;
  for (; i + kKeys <= work.chains; i += kKeys) {
    const float* key = work.step + i * work.steps;
    __m512 sum[kKeys];
    for (auto& one : sum) one = _mm512_setzero_ps();
    std::int64_t d = 0;
    for (; d + kLanes <= work.steps; d += kLanes) {
      const __m512 q = _mm512_loadu_ps(work.start + d);
      for (int k = 0; k < kKeys; ++k) {
        sum[k] = _mm512_fmadd_ps(q, _mm512_loadu_ps(key + k * work.steps + d), sum[k]);
      }
    }
    if (d < work.steps) {
      const auto mask = static_cast<__mmask16>((1u << (work.steps - d)) - 1u);
      const __m512 q = _mm512_maskz_loadu_ps(mask, work.start + d);
      for (int k = 0; k < kKeys; ++k) {
        sum[k] = _mm512_fmadd_ps(q, _mm512_maskz_loadu_ps(mask, key + k * work.steps + d), sum[k]);
      }
    }
    for (int k = 0; k < kKeys; ++k) work.y[i + k] = horizontal_sum(sum[k]);
  }
  scores_from(work, i);
}

}  // namespace avx512
AISP_TARGET_END
#endif

bench::Technique simd_avx512() {
  return {.name = "simd_avx512",
          .summary = "128 chains in flight: eight 16-lane vectors, fused multiply-add",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx512 ? "" : "needs AVX-512";
          },
          .plan =
              [](const bench::Params& params) {
#if AISP_X86
                return plan_chains(params, avx512::square_map, avx512::scores);
#else
                return dependent_chain().plan(params);  // never: `needs` said no
#endif
              }};
}

}  // namespace aisp::labs::ch06::ilp
