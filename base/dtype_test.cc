// Every binary16 through float and back, and every midpoint between two neighbours.
#include "base/dtype.h"

#include <gtest/gtest.h>

#include <cmath>

namespace aisp {
namespace {

TEST(F16, EveryNumberSurvivesFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    f16 number;
    number.bits = static_cast<std::uint16_t>(bits);
    const auto wide = static_cast<float>(number);
    if ((bits & 0x7fff) > 0x7c00) {
      EXPECT_TRUE(std::isnan(wide) && std::isnan(static_cast<float>(f16(wide))));
    } else {
      ASSERT_EQ(f16(wide).bits, bits);
    }
  }
  EXPECT_EQ(static_cast<float>(f16(65504.0f)), 65504.0f);
  EXPECT_EQ(static_cast<float>(f16(-0x1p-24f)), -0x1p-24f);
}

TEST(F16, RoundsToNearestEven) {
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    f16 low, high;
    low.bits = static_cast<std::uint16_t>(bits);
    high.bits = static_cast<std::uint16_t>(bits + 1);
    const float middle = 0.5f * (static_cast<float>(low) + static_cast<float>(high));
    const std::uint32_t even = bits % 2 == 0 ? bits : bits + 1;
    ASSERT_EQ(f16(middle).bits, even);
    ASSERT_EQ(f16(std::nextafter(middle, 0.0f)).bits, bits);
    ASSERT_EQ(f16(std::nextafter(middle, 1e6f)).bits, bits + 1);
  }
  EXPECT_EQ(f16(65519.996f).bits, 0x7bff);
  EXPECT_EQ(f16(65520.0f).bits, 0x7c00);
  EXPECT_EQ(f16(-1e30f).bits, 0xfc00);
}

}  // namespace
}  // namespace aisp
