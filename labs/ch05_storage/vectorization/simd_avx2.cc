// Eight 8-lane accumulators: 64 floats in flight.
#include "base/simd_target.h"
#include "labs/ch05_storage/vectorization/problem.h"

namespace aisp::labs::ch05::vectorization {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {

// Addition latency 3 to 4 cycles times 2 additions a cycle: 8 chains keep both adders busy.
constexpr std::size_t kChains = 8;
constexpr std::size_t kLanes = 8;

float sum(const float* x, std::size_t n) {
  __m256 partial[kChains];
  for (auto& one : partial) one = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    for (std::size_t j = 0; j < kChains; ++j) {
      partial[j] = _mm256_add_ps(partial[j], _mm256_loadu_ps(x + i + j * kLanes));
    }
  }
  for (; i + kLanes <= n; i += kLanes) {
    partial[0] = _mm256_add_ps(partial[0], _mm256_loadu_ps(x + i));
  }
  for (std::size_t width = kChains / 2; width > 0; width /= 2) {
    for (std::size_t j = 0; j < width; ++j) {
      partial[j] = _mm256_add_ps(partial[j], partial[j + width]);
    }
  }
  __m128 four =
      _mm_add_ps(_mm256_castps256_ps128(partial[0]), _mm256_extractf128_ps(partial[0], 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  float sum = _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
  for (; i < n; ++i) sum += x[i];
  return sum;
}

}  // namespace avx2
AISP_TARGET_END

float sum_avx2(const float* x, std::size_t n) { return avx2::sum(x, n); }
#else
float sum_avx2(const float* x, std::size_t n) { return sum_multi_accumulator(x, n); }
#endif

bench::Technique simd_avx2() {
  return {.name = "simd_avx2",
          .summary = "eight 8-lane accumulators",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx2 ? "" : "needs AVX2";
          },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of([](const bench::Io& io) {
                  const auto x = io.in<float>(0);
                  io.out<float>(0)[0] = sum_avx2(x.data(), x.size());
                });
              }};
}

}  // namespace aisp::labs::ch05::vectorization
