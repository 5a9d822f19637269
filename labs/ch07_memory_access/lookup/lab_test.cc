// Lookups beyond equality with the reference: a table that is one long chain, ids that nobody
// knows, and a batch of one id.
#include <gtest/gtest.h>

#include <vector>

#include "bench/verify.h"
#include "labs/ch07_memory_access/lookup/problem.h"

namespace aisp::labs::ch07::lookup {

bench::Lab describe();

namespace {

TEST(LookupLab, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

/// Runs every technique on a made-up table; `build` fills nodes, heads and ids.
void expect_rows(const bench::Params& params, const auto& build,
                 const std::vector<std::int32_t>& want) {
  const bench::Lab lab = describe();
  for (const auto& technique : lab.techniques) {
    if (technique.device != bench::Device::kCpu) continue;
    bench::InputSet set(lab.problem(params), ::testing::TempDir());
    set.fill(lab, params, 3);
    const bench::Io io = set.io();
    build(reinterpret_cast<Node*>(io.fill<std::int32_t>(0).data()), io.fill<std::int32_t>(1),
          io.fill<std::int64_t>(2));
    technique.plan(params)->run(io, 1);
    const auto rows = io.out<std::int32_t>(0);
    EXPECT_EQ(std::vector<std::int32_t>(rows.begin(), rows.end()), want) << technique.name;
  }
}

/// All nodes in every bucket's chain: the longest walk there is.
TEST(LookupLab, OneLongChain) {
  constexpr std::int32_t kRows = 64;
  std::vector<std::int32_t> want;
  for (std::int32_t i = 0; i < kRows; ++i) want.push_back(1000 + i);
  want.push_back(-1);
  expect_rows(
      {{"rows", kRows}, {"ids", kRows + 1}},
      [](Node* nodes, auto heads, auto ids) {
        for (std::int32_t i = 0; i < kRows; ++i) {
          nodes[i] = {i * 77 - 300, 1000 + i, i + 1 < kRows ? i + 1 : -1};
          ids[static_cast<std::size_t>(i)] = nodes[i].id;
        }
        ids[kRows] = 1 << 20;
        for (auto& head : heads) head = 0;
      },
      want);
}

TEST(LookupLab, AnEmptyTableKnowsNobody) {
  expect_rows(
      {{"rows", 8}, {"ids", 50}},
      [](Node*, auto heads, auto) {
        for (auto& head : heads) head = -1;
      },
      std::vector<std::int32_t>(50, -1));
}

TEST(LookupLab, BucketsCoverTheTable) {
  EXPECT_EQ(bucket_count(1), 1);
  EXPECT_EQ(bucket_count(4), 4);
  EXPECT_EQ(bucket_count(10131227), 1 << 24);
  Batch batch;
  batch.shift = 64;  // one bucket
  EXPECT_EQ(batch.bucket_of(-1), 0u);
  batch.shift = 40;
  EXPECT_LT(batch.bucket_of(-1), std::size_t{1} << 24);
}

TEST(LookupLabCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch07::lookup
