// The lab's device techniques, and the tolerance's power.
#include <gtest/gtest.h>

#include <vector>

#include "bench/verify.h"
#include "labs/ch08_occupancy/loop_unrolling/problem.h"

namespace aisp::labs::ch08::loop_unrolling {

bench::Lab describe();

namespace {

TEST(LoopUnrollingCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

TEST(LoopUnrolling, Bf16InputsAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Technique rounded = {
      .name = "rounded", .plan = [](const bench::Params& p) {
        return bench::plan_of([n = static_cast<std::size_t>(p["n"])](const bench::Io& io) {
          const auto x = io.in<float>(0);
          const auto out = io.out<float>(0);
          for (std::size_t c = 0; c < n; ++c) out[c] = 0.0f;
          for (std::size_t i = 0; i < x.size(); ++i) out[i % n] += static_cast<float>(bf16(x[i]));
        });
      }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, rounded, 5), "");
}

}  // namespace
}  // namespace aisp::labs::ch08::loop_unrolling
