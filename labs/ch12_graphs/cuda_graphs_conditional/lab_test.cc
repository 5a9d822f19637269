// Steps that overflow change nothing: every technique on a GPU, and why some cannot run.
#include <gtest/gtest.h>

#include <cmath>

#include "bench/verify.h"
#include "labs/ch12_graphs/cuda_graphs_conditional/problem.h"

namespace aisp::labs::ch12::cuda_graphs_conditional {

bench::Lab describe();

namespace {

TEST(CudaGraphsConditional, AQuarterOfTheStepsOverflowsForEverySeed) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[0].smoke;
  bench::InputSet set(lab.problem(size), "/tmp");
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u}) {
    set.fill(lab, size, seed);
    int overflows = 0;
    for (const float value : set.io().in<float>(1)) overflows += std::fabs(value) > kLargest;
    EXPECT_EQ(overflows, size["steps"] / 4);
  }
}

TEST(CudaGraphsConditional, NeedsSayWhy) {
  machine::CudaDevice old = machine::described_h200();
  old.driver_version = 12030;
  EXPECT_EQ(describe().techniques[1].needs_device(old), "needs a driver of CUDA 12.4");
}

TEST(CudaGraphsConditionalCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch12::cuda_graphs_conditional
