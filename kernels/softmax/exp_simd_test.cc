// Every variant of e^x against the double-precision library, over a stride of all floats and at the
// special values; a stride of 1 (every float) was run once for the bound in the header.
#include "kernels/softmax/exp_simd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "machine/cpu.h"

namespace aisp::kernels::softmax {
namespace {

using Map = void (*)(const float* x, float* y);  // 16 values

void portable_16(const float* x, float* y) {
  for (int i = 0; i < 16; i += 4) {
    const portable::Vec value = portable::exp(portable::Vec{x[i], x[i + 1], x[i + 2], x[i + 3]});
    for (int lane = 0; lane < 4; ++lane) y[i + lane] = value[lane];
  }
}

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
void avx2_16(const float* x, float* y) {
  _mm256_storeu_ps(y, avx2::exp(_mm256_loadu_ps(x)));
  _mm256_storeu_ps(y + 8, avx2::exp(_mm256_loadu_ps(x + 8)));
}
AISP_TARGET_END
AISP_TARGET_BEGIN_AVX512
void avx512_16(const float* x, float* y) { _mm512_storeu_ps(y, avx512::exp(_mm512_loadu_ps(x))); }
AISP_TARGET_END
#endif

struct Variant {
  std::string name;
  Map map;
};

std::vector<Variant> variants_here() {
  std::vector<Variant> variants = {{"portable", portable_16}};
#if AISP_X86
  if (machine::cpu().avx2) variants.push_back({"avx2", avx2_16});
  if (machine::cpu().avx512) variants.push_back({"avx512", avx512_16});
#endif
  return variants;
}

/// Largest relative error in units of 2^-24 over floats of this sign whose bits are multiples of
/// `stride`, up to the magnitude `limit`; results below the smallest normal float are skipped.
double worst_error(Map map, std::uint32_t sign, float limit, std::uint32_t stride) {
  double worst = 0.0;
  float x[16], y[16];
  const auto end = std::bit_cast<std::uint32_t>(limit);
  for (std::uint32_t bits = 0; bits < end; bits += 16 * stride) {
    for (std::uint32_t i = 0; i < 16; ++i) {
      x[i] = std::bit_cast<float>(sign | std::min(bits + i * stride, end - 1));
    }
    map(x, y);
    for (int i = 0; i < 16; ++i) {
      const double want = std::exp(static_cast<double>(x[i]));
      if (want < std::numeric_limits<float>::min()) continue;
      worst = std::max(worst, std::fabs(y[i] - want) / want);
    }
  }
  return worst * 0x1p24;
}

TEST(ExpSimd, ErrorIsWithinItsBound) {
  for (const Variant& variant : variants_here()) {
    // A prime stride visits all patterns of low bits.
    EXPECT_LE(worst_error(variant.map, 0x80000000u, 87.3f, 997), 1.4) << variant.name;
    EXPECT_LE(worst_error(variant.map, 0, 88.37f, 997), 1.4) << variant.name;
  }
}

TEST(ExpSimd, SpecialValuesInEveryLane) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const Variant& variant : variants_here()) {
    for (int lane = 0; lane < 16; ++lane) {
      const auto exp_at = [&](float value) {
        float x[16] = {}, y[16];
        x[lane] = value;
        variant.map(x, y);
        for (int i = 0; i < 16; ++i) {
          EXPECT_TRUE(i == lane || y[i] == 1.0f) << variant.name;
        }
        return y[lane];
      };
      EXPECT_EQ(exp_at(0.0f), 1.0f) << variant.name;
      EXPECT_EQ(exp_at(-0.0f), 1.0f) << variant.name;
      EXPECT_EQ(exp_at(-kInf), 0.0f) << variant.name;
      EXPECT_EQ(exp_at(-87.31f), 0.0f) << variant.name;
      EXPECT_EQ(exp_at(-3.4e38f), 0.0f) << variant.name;
      EXPECT_GT(exp_at(-87.29f), 0.0f) << variant.name;
      EXPECT_EQ(exp_at(kInf), kInf) << variant.name;
      EXPECT_EQ(exp_at(89.0f), kInf) << variant.name;
      EXPECT_TRUE(std::isnan(exp_at(kNan))) << variant.name;
    }
  }
}

}  // namespace
}  // namespace aisp::kernels::softmax
