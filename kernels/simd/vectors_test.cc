// Partial loads and stores, and the reductions over lanes, of every V.
#include "kernels/simd/vectors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "machine/cpu.h"

namespace aisp::kernels::simd {
namespace {

/// What one V did with n lanes of {1, 2, 3 ...}, missing lanes -7.
struct Outcome {
  std::vector<float> stored;  // 20 floats that were 0, after store_partial of value + 100
  float sum = 0.0f, max = 0.0f, fma = 0.0f;
};

// One body, compiled once per instruction set.
#define AISP_TEST_BODY                                                              \
  Outcome probe(std::size_t n) {                                                    \
    const float from[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}; \
    Outcome out;                                                                    \
    out.stored.assign(20, 0.0f);                                                    \
    const V::Reg x = V::load_partial(from, n, -7.0f);                               \
    V::store_partial(out.stored.data(), n, V::add(x, V::set1(100.0f)));             \
    out.sum = V::sum_of_lanes(x);                                                   \
    out.max = V::max_of_lanes(V::max(x, V::set1(-9.0f)));                           \
    float lanes[V::kLanes];                                                         \
    V::store(lanes, V::fma(V::load(from), V::set1(2.0f), V::sub(x, x)));            \
    out.fma = lanes[V::kLanes - 1];                                                 \
    return out;                                                                     \
  }

namespace on_portable {
using portable::V;
AISP_TEST_BODY
}  // namespace on_portable
#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace on_avx2 {
using avx2::V;
AISP_TEST_BODY
}  // namespace on_avx2
AISP_TARGET_END
AISP_TARGET_BEGIN_AVX512
namespace on_avx512 {
using avx512::V;
AISP_TEST_BODY
}  // namespace on_avx512
AISP_TARGET_END
#endif

void expect_right(Outcome (*probe)(std::size_t), std::size_t lanes) {
  for (std::size_t n = 0; n <= lanes + 2; ++n) {
    const Outcome out = probe(n);
    const std::size_t full = n < lanes ? n : lanes;
    float sum = -7.0f * static_cast<float>(lanes - full);
    for (std::size_t i = 0; i < full; ++i) sum += static_cast<float>(i + 1);
    EXPECT_EQ(out.sum, sum);
    EXPECT_EQ(out.max, full > 0 ? static_cast<float>(full) : -7.0f);
    EXPECT_EQ(out.fma, 2.0f * static_cast<float>(lanes));
    for (std::size_t i = 0; i < out.stored.size(); ++i) {
      EXPECT_EQ(out.stored[i], i < full ? 101.0f + static_cast<float>(i) : 0.0f) << n << " " << i;
    }
  }
}

TEST(Vectors, PartialAccessAndReductions) {
  expect_right(on_portable::probe, 4);
#if AISP_X86
  if (machine::cpu().avx2) expect_right(on_avx2::probe, 8);
  if (machine::cpu().avx512) expect_right(on_avx512::probe, 16);
#endif
}

}  // namespace
}  // namespace aisp::kernels::simd
