// The scores beyond equality with the reference: every way of loading on every instruction set
// gives the same bits, a part of the table writes its own blocks only, lower precision fails.
#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"
#include "bench/verify.h"
#include "labs/ch07_memory_access/async_prefetch/problem.h"

namespace aisp::labs::ch07::async_prefetch {

bench::Lab describe();

namespace {

constexpr Load kAllLoads[] = {Load::kInPlace, Load::kStaged, Load::kPrefetchNext,
                              Load::kDoubleBuffered};

std::vector<Run> runs_here() {
  std::vector<Run> runs = {run_portable};
  if (machine::cpu().avx2) runs.push_back(run_avx2);
  if (machine::cpu().avx512) runs.push_back(run_avx512);
  return runs;
}

TEST(AsyncPrefetchLab, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(AsyncPrefetchLab, EveryWayOfLoadingGivesTheSameBitsAndOnlyItsBlocks) {
  constexpr std::int64_t kBlocks = 6, kScores = kBlocks * kHeads * kTokens;
  std::vector<float> q(2 * kHeads * kWidth), keys(kBlocks * kTile), scratch(2 * kTile);
  fill_uniform(q, 1);
  fill_uniform(keys, 2);
  const std::vector<std::int32_t> table = {3, 0, 5, 1, 4, 2};
  for (const auto run : runs_here()) {
    std::vector<float> want;
    for (const Load load : kAllLoads) {
      std::vector<float> scores(kScores, -9.0f);
      run({.q = q.data(),
           .keys = keys.data(),
           .table = table.data(),
           .scores = scores.data(),
           .scratch = scratch.data(),
           .first_block = 1,
           .last_block = 5,
           .blocks_each = 3},
          load);
      for (std::int64_t i = 0; i < kScores; ++i) {
        const std::int64_t block = i / (kHeads * kTokens);
        const bool outside = block < 1 || block >= 5;
        ASSERT_EQ(scores[static_cast<std::size_t>(i)] == -9.0f, outside) << i;
      }
      if (want.empty()) want = scores;
      EXPECT_EQ(scores, want);
    }
  }
}

TEST(AsyncPrefetchLab, LowerPrecisionFails) {
  const bench::Lab lab = describe();
  const bench::Technique bf16_keys = {
      .name = "bf16_keys", .plan = [](const bench::Params& p) {
        return bench::plan_of([each = p["blocks_each"]](const bench::Io& io) {
          const auto keys = io.in<float>(1);
          std::vector<float> rounded(keys.size());
          for (std::size_t i = 0; i < keys.size(); ++i) rounded[i] = float(bf16(keys[i]));
          Call call = call_of(io, each);
          call.keys = rounded.data();
          run_portable(call, Load::kInPlace);
        });
      }};
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, bf16_keys, 1), "");
}

TEST(AsyncPrefetchLab, TheWidestLoopIsChosen) {
  machine::Cpu cpu;
  EXPECT_EQ(choose_run(cpu), &run_portable);
  cpu.avx2 = true;
  EXPECT_EQ(choose_run(cpu), &run_avx2);
  cpu.avx512 = true;
  EXPECT_EQ(choose_run(cpu), &run_avx512);
}

TEST(AsyncPrefetchLabCuda, EveryTechniqueIsRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch07::async_prefetch
