// The steps, and every technique on a GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch11_streams/stream_ordered/problem.h"

namespace aisp::labs::ch11::stream_ordered {

bench::Lab describe();

namespace {

TEST(StreamOrdered, StepsHaveFourSizesAndFollowEachOther) {
  const auto steps = steps_of({{"steps", 6}, {"n", 100}});
  ASSERT_EQ(steps.size(), 6U);
  const std::int64_t counts[] = {25, 50, 75, 100, 25, 50};
  std::int64_t next = 0;
  for (std::size_t k = 0; k < 6; ++k) {
    EXPECT_EQ(steps[k].count, counts[k]);
    EXPECT_EQ(steps[k].begin, next);
    next += counts[k];
  }
}

TEST(StreamOrdered, NeedsSayWhy) {
  machine::CudaDevice old = machine::described_h200();
  old.memory_pools = false;
  EXPECT_EQ(describe().techniques[1].needs_device(old), "needs memory pools");
}

TEST(StreamOrderedCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch11::stream_ordered
