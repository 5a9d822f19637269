// Eight vectors of 8 lanes: 64 chains in flight, each step one fused multiply-add (one rounding
// instead of two, and 4 cycles instead of 6). Scores: four keys in flight, lanes along the head.
#include "base/simd_target.h"
#include "labs/ch06_cuda_fundamentals/ilp/problem.h"

namespace aisp::labs::ch06::ilp {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {

constexpr int kLanes = 8;
// Latency 4 times 2 fused multiply-adds a cycle.
constexpr int kVectors = 8;
// With four keys, four loads of keys and one of q feed four FMAs: two loads a cycle is the limit.
constexpr int kKeys = 4;

void square_map(const Chains& work) {
  std::int64_t i = 0;
  for (; i + kVectors * kLanes <= work.chains; i += kVectors * kLanes) {
    __m256 value[kVectors], c[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      value[v] = _mm256_loadu_ps(work.start + i + v * kLanes);
      c[v] = _mm256_loadu_ps(work.step + i + v * kLanes);
    }
    for (std::int64_t s = 0; s < work.steps; ++s) {
      for (int v = 0; v < kVectors; ++v) value[v] = _mm256_fmadd_ps(value[v], value[v], c[v]);
    }
    for (int v = 0; v < kVectors; ++v) _mm256_storeu_ps(work.y + i + v * kLanes, value[v]);
  }
  square_map_from(work, i);
}

inline float horizontal_sum(__m256 eight) {
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

void scores(const Chains& work) {
  std::int64_t i = 0;
  for (; i + kKeys <= work.chains; i += kKeys) {
    const float* key = work.step + i * work.steps;
    __m256 sum[kKeys];
    for (auto& one : sum) one = _mm256_setzero_ps();
    std::int64_t d = 0;
    for (; d + kLanes <= work.steps; d += kLanes) {
      const __m256 q = _mm256_loadu_ps(work.start + d);
      for (int k = 0; k < kKeys; ++k) {
        sum[k] = _mm256_fmadd_ps(q, _mm256_loadu_ps(key + k * work.steps + d), sum[k]);
      }
    }
    for (int k = 0; k < kKeys; ++k) {
      float total = horizontal_sum(sum[k]);
      for (std::int64_t r = d; r < work.steps; ++r) {
        total += work.start[r] * key[k * work.steps + r];
      }
      work.y[i + k] = total;
    }
  }
  scores_from(work, i);
}

}  // namespace avx2
AISP_TARGET_END
#endif

bench::Technique simd_avx2() {
  return {.name = "simd_avx2",
          .summary = "64 chains in flight: eight 8-lane vectors, fused multiply-add",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx2 ? "" : "needs AVX2";
          },
          .plan =
              [](const bench::Params& params) {
#if AISP_X86
                return plan_chains(params, avx2::square_map, avx2::scores);
#else
                return dependent_chain().plan(params);  // never: `needs` said no
#endif
              }};
}

}  // namespace aisp::labs::ch06::ilp
