// Lengths and offsets, and every technique on a GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch12_graphs/uneven_partition/problem.h"

namespace aisp::labs::ch12::uneven_partition {

bench::Lab describe();

namespace {

TEST(UnevenPartition, SeedsOrderTheSameLengths) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[0].smoke;
  EXPECT_EQ(lengths_by_rank(size).front(), 3000);
  EXPECT_EQ(lengths_by_rank(size)[9], 300);
  bench::InputSet set(lab.problem(size), "/tmp");
  for (const std::uint64_t seed : {1u, 2u}) {
    set.fill(lab, size, seed);
    const auto device = set.io().in<std::int32_t>(1), host = set.io().in<std::int32_t>(2);
    EXPECT_TRUE(std::equal(device.begin(), device.end(), host.begin()));
    EXPECT_EQ(device.back(), lab.problem(size).inputs[0].shape[0]);
  }
}

TEST(UnevenPartitionCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch12::uneven_partition
