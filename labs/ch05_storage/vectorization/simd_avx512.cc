// Eight 16-lane accumulators: 128 floats in flight.
#include "base/simd_target.h"
#include "labs/ch05_storage/vectorization/problem.h"

namespace aisp::labs::ch05::vectorization {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {

// Addition latency 3 to 4 cycles times 2 additions a cycle: 8 chains keep both adders busy.
constexpr std::size_t kChains = 8;
constexpr std::size_t kLanes = 16;

float sum(const float* x, std::size_t n) {
  __m512 partial[kChains];
  for (auto& one : partial) one = _mm512_setzero_ps();
  std::size_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    for (std::size_t j = 0; j < kChains; ++j) {
      partial[j] = _mm512_add_ps(partial[j], _mm512_loadu_ps(x + i + j * kLanes));
    }
  }
  for (; i < n; i += kLanes) {
    const std::size_t left = n - i < kLanes ? n - i : kLanes;
    const auto mask = static_cast<__mmask16>((1u << left) - 1u);
    partial[0] = _mm512_add_ps(partial[0], _mm512_maskz_loadu_ps(mask, x + i));
  }
  for (std::size_t width = kChains / 2; width > 0; width /= 2) {
    for (std::size_t j = 0; j < width; ++j) {
      partial[j] = _mm512_add_ps(partial[j], partial[j + width]);
    }
  }
  // The maskz forms, because the plain ones make g++ 12 warn about its own header.
  const __m256 eight = _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xff, partial[0], 0),
                                     _mm512_maskz_extractf32x8_ps(0xff, partial[0], 1));
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

}  // namespace avx512
AISP_TARGET_END

float sum_avx512(const float* x, std::size_t n) { return avx512::sum(x, n); }
#else
float sum_avx512(const float* x, std::size_t n) { return sum_multi_accumulator(x, n); }
#endif

bench::Technique simd_avx512() {
  return {.name = "simd_avx512",
          .summary = "eight 16-lane accumulators",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx512 ? "" : "needs AVX-512";
          },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of([](const bench::Io& io) {
                  const auto x = io.in<float>(0);
                  io.out<float>(0)[0] = sum_avx512(x.data(), x.size());
                });
              }};
}

}  // namespace aisp::labs::ch05::vectorization
