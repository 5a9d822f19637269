// Every unit at its edges: rounding into the next unit, zero, negative, not a number.
#include "base/units.h"

#include <gtest/gtest.h>

#include <limits>

namespace aisp {
namespace {

const double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Units, NumberHasThreeSignificantDigits) {
  EXPECT_EQ(format_number(0.0), "0");
  EXPECT_EQ(format_number(0.012345), "0.0123");
  EXPECT_EQ(format_number(1.2345), "1.23");
  EXPECT_EQ(format_number(9.996), "10.0");
  EXPECT_EQ(format_number(99.96), "100");
  EXPECT_EQ(format_number(100.0), "100");
  EXPECT_EQ(format_number(12345.0), "12300");
  EXPECT_EQ(format_number(-2.5), "-2.50");
  EXPECT_EQ(format_number(1000.0), "1000");
  EXPECT_EQ(format_number(1e300), "1.00e+300");
  EXPECT_EQ(format_number(-1.5e-9), "-1.50e-09");
}

TEST(Units, TimeRoundsIntoTheNextUnit) {
  EXPECT_EQ(format_time(0.0), "0 ns");
  EXPECT_EQ(format_time(0.25), "0.250 ns");
  EXPECT_EQ(format_time(999.4), "999 ns");
  EXPECT_EQ(format_time(999.7), "1.00 µs");
  EXPECT_EQ(format_time(1234.0), "1.23 µs");
  EXPECT_EQ(format_time(45.6e6), "45.6 ms");
  EXPECT_EQ(format_time(12e9), "12.0 s");
  EXPECT_EQ(format_time(7200e9), "7200 s");
}

TEST(Units, BytesDropTrailingZeros) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(48 * 1024), "48 KiB");
  EXPECT_EQ(format_bytes(1.5 * 1024 * 1024), "1.5 MiB");
  EXPECT_EQ(format_bytes(0x1p30), "1 GiB");
  EXPECT_EQ(format_bytes(100 * 1024), "100 KiB");
  EXPECT_EQ(format_bytes(0x1p50 * 1e20), "1.00e+20 PiB");
}

TEST(Units, RateTakesThePrefixThatTheUnitAllows) {
  EXPECT_EQ(format_rate(12.3e9, "FLOP/s"), "12.3 GFLOP/s");
  EXPECT_EQ(format_rate(1.6e9, "B/s"), "1.60 GB/s");
  EXPECT_EQ(format_rate(4.2e6, "tokens/s"), "4.20 M tokens/s");
  EXPECT_EQ(format_rate(12.0, "tokens/s"), "12.0 tokens/s");
  EXPECT_EQ(format_rate(999.9e9, "FLOP/s"), "1.00 TFLOP/s");
}

TEST(Units, CountIsWholeBelowAThousand) {
  EXPECT_EQ(format_count(7), "7");
  EXPECT_EQ(format_count(4.29e9), "4.29 G");
}

TEST(Units, RatioShowsTheMarginNearOne) {
  EXPECT_EQ(format_ratio(3.1249), "3.12x");
  EXPECT_EQ(format_ratio(1.0042), "1.004x");
  EXPECT_EQ(format_ratio(0.0123), "0.0123x");
  EXPECT_EQ(format_ratio(390.2), "390x");
  EXPECT_EQ(format_ratio_interval(3.05, 3.2), "[3.05, 3.20]");
  EXPECT_EQ(format_ratio_interval(1.0912, 1.1004), "[1.091, 1.100]");
  EXPECT_EQ(format_ratio_interval(0.95, 12.34), "[0.950, 12.3]");
  EXPECT_EQ(format_ratio_interval(3.05, kInfinity), "[3.05, -]");
  EXPECT_EQ(format_ratio_interval(kNan, kInfinity), "-");
}

TEST(Units, NothingPrintsInfOrNan) {
  for (const double value : {kInfinity, -kInfinity, kNan}) {
    EXPECT_EQ(format_number(value), "-");
    EXPECT_EQ(format_time(value), "-");
    EXPECT_EQ(format_bytes(value), "-");
    EXPECT_EQ(format_rate(value, "B/s"), "-");
    EXPECT_EQ(format_count(value), "-");
    EXPECT_EQ(format_ratio(value), "-");
    EXPECT_EQ(format_percent(value), "-");
  }
}

TEST(Units, PercentOfAFraction) {
  EXPECT_EQ(format_percent(0.873), "87.3 %");
  EXPECT_EQ(format_percent(1.0), "100 %");
  EXPECT_EQ(format_percent(0.0), "0 %");
}

}  // namespace
}  // namespace aisp
