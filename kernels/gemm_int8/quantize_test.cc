// Quantised rows against the definition, at every length around a vector, ties and zeros included.
#include "kernels/gemm_int8/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"

namespace aisp::kernels::gemm_int8 {
namespace {

TEST(QuantizeRows, RoundsToNearestWithinHalfAStep) {
  for (std::int64_t k = 1; k <= 300; k += k < 70 ? 1 : 23) {
    const std::int64_t rows = 3;
    std::vector<float> x(static_cast<std::size_t>(rows * k));
    fill_normal(x, static_cast<std::uint64_t>(k), 3.0f);
    std::vector<std::int8_t> q(x.size() + 1, 99);
    std::vector<float> scales(3);
    quantize_rows(rows, k, x.data(), q.data(), scales.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float scale = scales[i / static_cast<std::size_t>(k)];
      ASSERT_LE(std::fabs(x[i] - static_cast<float>(q[i]) * scale), 0.5001f * scale) << k;
    }
    EXPECT_EQ(q.back(), 99);
  }
}

TEST(QuantizeRows, EndsTiesAndZeros) {
  // Scale 1: the values are the quotients.
  const std::vector<float> x = {127.0f, -127.0f, 0.5f, 1.5f, -0.5f, -2.5f, 0.0f, -0.0f, 1e-30f};
  std::vector<std::int8_t> q(x.size());
  float scale = 0.0f;
  quantize_rows(1, static_cast<std::int64_t>(x.size()), x.data(), q.data(), &scale);
  EXPECT_EQ(scale, 1.0f);
  EXPECT_EQ(q, (std::vector<std::int8_t>{127, -127, 0, 2, 0, -2, 0, 0, 0}));
  const std::vector<float> tiny = {0.0f, -1e-40f, 1e-38f, 0.0f};
  std::vector<std::int8_t> zeros(4, 5);
  quantize_rows(1, 4, tiny.data(), zeros.data(), &scale);
  EXPECT_EQ(scale, 0.0f);
  EXPECT_EQ(zeros, (std::vector<std::int8_t>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace aisp::kernels::gemm_int8
