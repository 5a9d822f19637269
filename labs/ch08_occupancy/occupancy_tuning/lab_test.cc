// The lab's device techniques, and the tolerance's power.
#include <gtest/gtest.h>

#include <cmath>

#include "bench/verify.h"
#include "labs/ch08_occupancy/occupancy_tuning/problem.h"

namespace aisp::labs::ch08::occupancy_tuning {

bench::Lab describe();

namespace {

TEST(OccupancyTuningCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(OccupancyTuning, Bf16InputsAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Technique rounded = {
      .name = "rounded", .plan = [](const bench::Params&) {
        return bench::plan_of([](const bench::Io& io) {
          for (std::size_t i = 0; i < io.out<float>(0).size(); ++i) {
            const auto g = static_cast<float>(bf16(io.in<float>(0)[i]));
            io.out<float>(0)[i] = g / (1.0f + std::exp(-g)) * io.in<float>(1)[i];
          }
        });
      }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, rounded, 5), "");
}

}  // namespace
}  // namespace aisp::labs::ch08::occupancy_tuning
