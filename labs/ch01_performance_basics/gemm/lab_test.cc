// Every technique and peer is right, also for fewer products than threads; all agree bit for bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "bench/verify.h"
#include "labs/ch01_performance_basics/gemm/problem.h"

namespace aisp::labs::ch01::gemm {

bench::Lab describe();

namespace {

TEST(GemmLab, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

// Batching is about calls, not about arithmetic: the order of additions must not depend on it.
TEST(GemmLab, BatchingDoesNotChangeASingleBit) {
  const bench::Lab lab = describe();
  for (const bench::Params& size : {lab.cases[2].smoke, lab.ragged[2]}) {
    std::vector<std::vector<std::byte>> results;
    for (const auto& technique : {one_by_one(), batched(), strided()}) {
      const auto plan = technique.plan(size);
      bench::InputSet set(lab.problem(size), "/tmp");
      set.fill(lab, size, 3);
      set.poison_outputs(4);
      plan->run(set.io(), 1);
      const auto* data = static_cast<const std::byte*>(set.output(kO).data);
      results.emplace_back(data, data + set.output(kO).bytes);
    }
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

TEST(GemmLabCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch01::gemm
