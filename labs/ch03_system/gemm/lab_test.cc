// Every way of cutting is right; cutting rows changes no bit, and cutting K sums in another order.
#include <gtest/gtest.h>

#include <vector>

#include "bench/verify.h"
#include "labs/ch03_system/gemm/problem.h"

namespace aisp::labs::ch03::gemm {

bench::Lab describe();

namespace {

using bench::matmul::kC;

TEST(ManyCallsGemm, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

std::vector<float> product(const bench::Technique& technique, const bench::Params& size) {
  const bench::Lab lab = describe();
  bench::InputSet set(lab.problem(size), ::testing::TempDir());
  set.fill(lab, size, 3);
  set.poison_outputs(4);
  technique.plan(size)->run(set.io(), 1);
  const auto c = set.io().out<float>(kC);
  return {c.begin(), c.end()};
}

TEST(ManyCallsGemm, CallsOfRowsDoNotDependOnForks) {
  const auto size = bench::matmul::sizes(70, 96, 200);
  EXPECT_EQ(product(row_calls(), size), product(row_calls_one_fork(), size));
}

// One block of K is one call: nothing to add. Two blocks are two sums.
TEST(ManyCallsGemm, OneBlockOfKIsOneCall) {
  const auto one = bench::matmul::sizes(31, 40, kDepth);
  EXPECT_EQ(product(k_blocks_add(), one), product(one_call(), one));
  const auto many = bench::matmul::sizes(64, 64, 8 * kDepth);
  EXPECT_NE(product(k_blocks_add(), many), product(one_call(), many));
}

// A second run must not add to what the first left in C.
TEST(ManyCallsGemm, CallsDoNotAccumulateAcrossRuns) {
  const bench::Lab lab = describe();
  const auto size = bench::matmul::sizes(20, 30, 2 * kDepth + 1);
  const auto want = product(k_blocks_add(), size);
  bench::InputSet set(lab.problem(size), ::testing::TempDir());
  set.fill(lab, size, 3);
  k_blocks_add().plan(size)->run(set.io(), 3);
  const auto c = set.io().out<float>(kC);
  EXPECT_EQ(std::vector<float>(c.begin(), c.end()), want);
}

}  // namespace
}  // namespace aisp::labs::ch03::gemm
