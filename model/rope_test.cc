// Frequencies of rope and their stretchings, against values worked out by hand from the papers.
#include "model/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace aisp::model {
namespace {

TEST(Rope, PlainAndLinear) {
  Rope rope{.size = 4, .theta = 10000.0};
  EXPECT_EQ(rope_table(rope, 100).frequency, (std::vector<double>{1.0, 0.01}));
  EXPECT_EQ(rope_table(rope, 100).magnitude, 1.0);
  rope.scaling = RopeScaling::kLinear;
  rope.factor = 4.0;
  EXPECT_EQ(rope_table(rope, 100).frequency, (std::vector<double>{0.25, 0.0025}));
  rope.scaling = RopeScaling::kNone;
  rope.divisors = {1.0, 2.0};
  EXPECT_EQ(rope_table(rope, 100).frequency, (std::vector<double>{1.0, 0.005}));
}

TEST(Rope, DynamicChangesNothingInTheOriginalContext) {
  Rope rope{.size = 4, .theta = 100.0, .scaling = RopeScaling::kDynamic, .factor = 2.0};
  rope.original_context = 1000;
  EXPECT_EQ(rope_table(rope, 1000).frequency, (std::vector<double>{1.0, 0.1}));
  // base 100 * (2 * 3 - 1)^(4 / 2) = 2500
  EXPECT_NEAR(rope_table(rope, 3000).frequency[1], 1.0 / 50.0, 1e-15);
}

TEST(Rope, YarnKeepsWhatTurnsOftenAndStretchesTheRest) {
  Rope rope{.size = 64, .theta = 10000.0, .scaling = RopeScaling::kYarn, .factor = 8.0};
  rope.original_context = 4096;
  const RopeTable table = rope_table(rope, 1);
  // Pairs that turn 32 times and once: 64 ln(4096 / (32 * 2 pi)) / (2 ln 10000) = 10.47, and 22.5.
  EXPECT_DOUBLE_EQ(table.frequency[10], std::pow(10000.0, -20.0 / 64.0));
  EXPECT_DOUBLE_EQ(table.frequency[23], std::pow(10000.0, -46.0 / 64.0) / 8.0);
  // Half way, but for one thirteenth: the ramp goes from 10 to 23.
  const double keep = 1.0 - 6.0 / 13.0;
  EXPECT_NEAR(table.frequency[16] / std::pow(10000.0, -0.5), keep + (1.0 - keep) / 8.0, 1e-12);
  EXPECT_NEAR(table.magnitude, 1.2079441541679836, 1e-15);
  rope.attention_factor = 1.5;
  EXPECT_EQ(rope_table(rope, 1).magnitude, 1.5);
}

TEST(Rope, Llama3StretchesByWavelength) {
  Rope rope{.size = 64, .theta = 500000.0, .scaling = RopeScaling::kLlama3, .factor = 32.0};
  rope.original_context = 8192;
  const RopeTable table = rope_table(rope, 1);
  for (std::size_t i = 0; i < 32; ++i) {
    const double plain = std::pow(500000.0, -2.0 * static_cast<double>(i) / 64.0);
    const double wavelength = 2.0 * std::numbers::pi / plain;
    if (wavelength < 8192.0 / 4.0) {
      EXPECT_DOUBLE_EQ(table.frequency[i], plain) << i;
    } else if (wavelength > 8192.0) {
      EXPECT_DOUBLE_EQ(table.frequency[i], plain / 32.0) << i;
    } else {
      const double smooth = (8192.0 / wavelength - 1.0) / 3.0;
      EXPECT_NEAR(table.frequency[i], (1.0 - smooth) * plain / 32.0 + smooth * plain, 1e-15) << i;
    }
  }
}

}  // namespace
}  // namespace aisp::model
