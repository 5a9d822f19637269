// Every technique on a GPU; the reference's closed form.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch11_streams/priorities/problem.h"

namespace aisp::labs::ch11::priorities {

bench::Lab describe();

namespace {

TEST(Priorities, ReferenceIsTheLoop) {
  const bench::Lab lab = describe();
  const bench::Params size = {{"bulk", 5}, {"rounds", 3}, {"width", 3}, {"steps", 2}};
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 1);
  const auto expected = bench::compute_expected(lab, size, set);
  const double x = set.io().in<float>(0)[2];
  EXPECT_DOUBLE_EQ(expected.outputs[0].value[2], x + 0.5 * (x + 0.5 * x));
  const auto c = set.io().in<float>(1);
  EXPECT_NEAR(expected.outputs[1].value[0], 0.25 * c[0] + 0.5 * c[1] + 0.25 * c[2], 1e-12);
}

TEST(PrioritiesCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch11::priorities
