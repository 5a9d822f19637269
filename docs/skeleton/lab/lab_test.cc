// Properties of the lab beyond the comparison that every run makes.
#include <gtest/gtest.h>

#include "base/dtype.h"
#include "bench/verify.h"
#include "docs/skeleton/lab/problem.h"

namespace aisp::skeleton::lab {

bench::Lab describe();

namespace {

TEST(SkeletonLab, AllTechniquesAreRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(SkeletonLab, LowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  const bench::Technique bf16_data = {
      .name = "bf16_data", .plan = [](const bench::Params&) {
        return bench::plan_of([](const bench::Io& io) {
          for (std::size_t i = 0; i < io.out<float>(0).size(); ++i) {
            io.out<float>(0)[i] = float(bf16(io.in<float>(0)[i])) + kAlpha * io.in<float>(1)[i];
          }
        });
      }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, bf16_data, 1), "");
}

TEST(SkeletonLab, NeedsSayWhy) {
  const machine::Cpu bare;
  EXPECT_EQ(simd_avx2().needs(bare), "needs AVX2");
}

}  // namespace
}  // namespace aisp::skeleton::lab
