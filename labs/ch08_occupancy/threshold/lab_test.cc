// The lab's device techniques, and the tolerance's power.
#include <gtest/gtest.h>

#include <cmath>

#include "bench/verify.h"
#include "labs/ch08_occupancy/threshold/problem.h"

namespace aisp::labs::ch08::threshold {

bench::Lab describe();

namespace {

TEST(ThresholdCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

/// A threshold that is a thousandth too high closes elements that must be open.
TEST(Threshold, WrongThresholdAndBf16AreNoticed) {
  const bench::Lab lab = describe();
  for (const bool bf16_data : {false, true}) {
    const bench::Technique wrong = {
        .name = "wrong", .plan = [=](const bench::Params&) {
          return bench::plan_of([=](const bench::Io& io) {
            const auto x = io.in<float>(0);
            for (std::size_t i = 0; i < x.size(); ++i) {
              const float value = bf16_data ? static_cast<float>(bf16(x[i])) : x[i];
              const float limit = bf16_data ? kThreshold : kThreshold * 1.001f;
              io.out<float>(0)[i] =
                  std::fabs(x[i]) > limit ? value / (1.0f + std::exp(-value)) : 0.0f;
            }
          });
        }};
    EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, wrong, 5), "") << bf16_data;
  }
}

TEST(Threshold, NeedsSayWhy) {
  const bench::Lab lab = describe();
  const auto& tma = lab.techniques.back();
  machine::CudaDevice a100 = machine::described_h200();
  EXPECT_EQ(tma.needs_device(a100), "");
  a100.major = 8;
  EXPECT_NE(tma.needs_device(a100), "");
}

}  // namespace
}  // namespace aisp::labs::ch08::threshold
