// Every variant x lengths x alignments against the reference within the contract's bound, exact
// sums, data of one sign, special values, threads, and what a lower precision would give.
#include "kernels/reduce/reduce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/dtype.h"
#include "base/rng.h"

namespace aisp::kernels::reduce {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

void for_each_variant(const auto& use) {
  int ran = 0;
  for (const Variant& variant : variants()) {
    if (!variant.can_run(machine::cpu())) continue;
    SCOPED_TRACE(std::string(variant.name));
    use(variant);
    ++ran;
  }
  EXPECT_GE(ran, 1);
}

std::vector<float> random_floats(std::size_t count, std::uint64_t seed, float low) {
  std::vector<float> x(count);
  fill_uniform(x, seed, low, 1.0f);
  return x;
}

/// Random data: errors of independent roundings, six deviations of a chain of 512 and the bound's
/// own 6 + 1. bf16 data would be 250 times beyond it.
const double kLikely = (6.0 * std::sqrt(512.0 + 7.0)) * 0x1p-24;

TEST(Reduce, IntegersSumExactlyAtEveryLengthAndAlignment) {
  for_each_variant([](const Variant& variant) {
    std::vector<float> x(700), y(700, 2.0f);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) - 100.0f;
    for (std::size_t at = 0; at < 17; ++at) {
      double expected = 0.0;
      for (std::size_t n = 0; at + n < x.size(); expected += x[at + n], ++n) {
        ASSERT_EQ(variant.sum(x.data() + at, n), expected) << at << " " << n;
        ASSERT_EQ(variant.dot(x.data() + at, y.data(), n), 2.0 * expected) << at << " " << n;
      }
    }
  });
}

TEST(Reduce, WithinTheBoundAtEveryLength) {
  for_each_variant([](const Variant& variant) {
    for (const std::size_t n : {1u, 1000u, 16383u, 16384u, 16385u, 70001u, 1000003u}) {
      for (const float low : {-1.0f, 0.0f}) {  // both signs, one sign
        const auto x = random_floats(n, n, low), y = random_floats(n, n + 1, low);
        double scale = 0.0;
        const double sum = reference_sum(x, &scale);
        EXPECT_LE(std::fabs(variant.sum(x.data(), n) - sum), kLikely * scale) << n;
        const double dot = reference_dot(x, y, &scale);
        EXPECT_LE(std::fabs(variant.dot(x.data(), y.data(), n) - dot), kLikely * scale) << n;
      }
    }
  });
}

/// 1 + 32 million times 2^-25: a chain in f32 ends at 1, because each term is below half a rounding
/// step of its partial sum. Worst case for every order, and within the worst-case bound here.
TEST(Reduce, SmallTermsAreNotLost) {
  std::vector<float> x(1u << 25, 0x1p-25f);
  x[0] = 1.0f;
  float chain = 0.0f;
  for (const float value : x) chain += value;
  EXPECT_EQ(chain, 1.0f);
  for_each_variant([&](const Variant& variant) {
    const double want = 2.0 - 0x1p-25;
    EXPECT_NEAR(variant.sum(x.data(), x.size()), want, kWorstRoundings * 0x1p-24 * want);
  });
}

TEST(Reduce, LowerPrecisionWouldFail) {
  const auto x = random_floats(1000003, 5, 0.0f);
  double scale = 0.0;
  const double sum = reference_sum(x, &scale);
  bf16 accumulator{};
  for (const float value : x) accumulator = bf16(float(accumulator) + value);
  EXPECT_GT(std::fabs(double(float(accumulator)) - sum), kWorstRoundings * 0x1p-24 * scale);
}

TEST(Reduce, NanAndInfinityPropagate) {
  for_each_variant([](const Variant& variant) {
    for (const std::size_t at : {0u, 63u, 130u, 200u}) {
      std::vector<float> x(201, 1.0f), y(201, 1.0f);
      x[at] = -kInf;
      EXPECT_EQ(variant.sum(x.data(), x.size()), -kInf);
      EXPECT_EQ(variant.dot(x.data(), y.data(), x.size()), -kInf);
      y[at] = 0.0f;
      EXPECT_TRUE(std::isnan(variant.dot(x.data(), y.data(), x.size())));
      x[at] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_TRUE(std::isnan(variant.sum(x.data(), x.size())));
    }
  });
}

TEST(Reduce, ThreadsGiveTheSame) {
  machine::ThreadPool pool(3);
  for (const std::size_t n : {0u, 5u, 131072u, 200003u, 1000003u}) {
    const auto x = random_floats(n, 1, -1.0f), y = random_floats(n, 2, -1.0f);
    double scale = 0.0;
    reference_sum(x, &scale);
    EXPECT_NEAR(sum(x, pool), sum(x), 1e-14 * scale) << n;
    EXPECT_NEAR(dot(x, y, pool), dot(x, y), 1e-14 * scale) << n;
  }
}

TEST(Reduce, ThreadsOnlyWhereTheyPay) {
  EXPECT_EQ(threads_worth(0, 8), 1);
  EXPECT_EQ(threads_worth((512u << 10) - 1, 8), 1);
  EXPECT_EQ(threads_worth(512u << 10, 8), 2);
  EXPECT_EQ(threads_worth(64u << 20, 8), 8);
  EXPECT_EQ(threads_worth(64u << 20, 1), 1);
}

TEST(ReduceDeathTest, LengthsThatDifferAreOurBug) {
  const std::vector<float> x(3), y(4);
  EXPECT_DEATH(dot(x, y), "one length");
}

TEST(Reduce, VariantsSayWhyNot) {
  const machine::Cpu bare;
  EXPECT_EQ(variants()[0].why_not(bare), "needs AVX-512");
  EXPECT_EQ(variants()[1].why_not(bare), "needs AVX2");
  EXPECT_EQ(variants()[2].why_not(bare), "");
  EXPECT_EQ(widest(bare).name, "portable");
}

}  // namespace
}  // namespace aisp::kernels::reduce
