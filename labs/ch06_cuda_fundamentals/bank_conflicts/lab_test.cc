// Column sums beyond equality with the reference: exact where the arithmetic is exact, a non-finite
// value stays in its column, and SIMD techniques say what they need.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "bench/verify.h"
#include "labs/ch06_cuda_fundamentals/bank_conflicts/problem.h"

namespace aisp::labs::ch06::bank_conflicts {

bench::Lab describe();

namespace {

const bench::Params kSize{{"rows", 131}, {"cols", 203}};

// Runs every technique that can run here on inputs of the caller's making.
void for_every_technique(
    const std::function<float(std::int64_t, std::int64_t)>& element,
    const std::function<void(const std::string&, std::span<const float>)>& look) {
  const bench::Lab lab = describe();
  for (const auto& technique : lab.techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    if (technique.needs && !technique.needs(machine::cpu()).empty()) continue;
    bench::InputSet set(lab.problem(kSize), ::testing::TempDir());
    const bench::Io io = set.io();
    for (std::int64_t i = 0; i < kSize["rows"]; ++i) {
      for (std::int64_t j = 0; j < kSize["cols"]; ++j) {
        io.fill<float>(0)[static_cast<std::size_t>(i * kSize["cols"] + j)] = element(i, j);
      }
    }
    set.poison_outputs(1);
    technique.plan(kSize)->run(io, 1);
    look(technique.name, io.out<float>(0));
  }
}

TEST(BankConflictsLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(BankConflictsLab, SmallIntegersAddUpExactly) {
  for_every_technique([](std::int64_t i, std::int64_t j) { return float(i * 3 - j); },
                      [](const std::string& name, std::span<const float> sums) {
                        for (std::size_t j = 0; j < sums.size(); ++j) {
                          ASSERT_EQ(sums[j], float(131 * 130 / 2 * 3) - 131.0f * float(j)) << name;
                        }
                      });
}

TEST(BankConflictsLab, ANonFiniteValueStaysInItsColumn) {
  constexpr std::int64_t kNan = 5, kInfinity = 202;
  for_every_technique(
      [](std::int64_t i, std::int64_t j) {
        if (i == 130 && j == kNan) return std::numeric_limits<float>::quiet_NaN();
        if (i == 64 && j == kInfinity) return -std::numeric_limits<float>::infinity();
        return 1.0f;
      },
      [](const std::string& name, std::span<const float> sums) {
        for (std::size_t j = 0; j < sums.size(); ++j) {
          if (j == kNan) {
            EXPECT_TRUE(std::isnan(sums[j])) << name;
          } else if (j == kInfinity) {
            EXPECT_EQ(sums[j], -std::numeric_limits<float>::infinity()) << name;
          } else {
            EXPECT_EQ(sums[j], 131.0f) << name << " column " << j;
          }
        }
      });
}

TEST(BankConflictsLab, EverySimdTechniqueSaysWhatItNeeds) {
  for (const auto& technique : describe().techniques) {
    if (technique.name == "row_order_avx2" || technique.name == "row_order_avx512") {
      ASSERT_TRUE(technique.needs);
      EXPECT_NE(technique.needs(machine::Cpu{}), "") << technique.name;
    } else {
      EXPECT_FALSE(technique.needs) << technique.name << " runs anywhere";
    }
  }
}

TEST(BankConflictsLabCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch06::bank_conflicts
