// Every technique is right at smoke and ragged sizes; a position that is off by one would be
// noticed; fusing changes no bit; turning keeps lengths and depends on differences of positions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/rng.h"
#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch18_attention_decoding/rope_q_cache/problem.h"

namespace aisp::labs::ch18::rope_q_cache {

bench::Lab describe();

namespace {

TEST(RopeQCache, EveryTechniqueIsRight) { EXPECT_EQ(bench::check_all_techniques(describe()), ""); }

TEST(RopeQCache, TableAndFusionDoNotChangeABit) {
  const bench::Lab lab = describe();
  for (const bench::Params& size : lab.ragged) {
    bench::InputSet set(lab.problem(size), ::testing::TempDir());
    set.fill(lab, size, 5);
    std::vector<float> o;
    std::vector<bf16> cache;
    for (const bench::Technique& technique : {angles_each_step(), table(), table_fused_append()}) {
      technique.plan(size)->run(set.io(), 1);
      const auto turned = set.io().out<float>(kO);
      const auto blocks = set.io().out<bf16>(kCache);
      if (o.empty()) {
        o.assign(turned.begin(), turned.end());
        cache.assign(blocks.begin(), blocks.end());
      }
      EXPECT_TRUE(std::equal(o.begin(), o.end(), turned.begin())) << technique.name;
      EXPECT_EQ(std::memcmp(cache.data(), blocks.data(), blocks.size_bytes()), 0) << technique.name;
    }
  }
}

TEST(RopeQCache, AnotherPositionIsNoticed) {
  const bench::Lab lab = describe();
  bench::Technique cheat = table();
  cheat.name = "off_by_one";
  cheat.plan = [](const bench::Params& params) {
    const Shape shape(params);
    auto angles = std::make_shared<Table>(shape);
    auto rest = std::make_shared<RotateAndAppend>(shape);
    return bench::plan_of([=](const bench::Io& io) {
      const auto given = io.in<std::int32_t>(kPositions);
      std::vector<std::int32_t> positions(given.begin(), given.end());
      positions.back() -= 1;
      for (std::int64_t l = 0; l < shape.layers; ++l) {
        rest->run(layer_of(shape, io, l), angles->pick(positions));
      }
    });
  };
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, cheat, 1), "") << one.name;
  }
}

TEST(RopeQCache, ScoresDependOnTheDifferenceOfPositions) {
  const bench::Params size = {{"L", 1}, {"R", 32}, {"H", 1}, {"G", 1}, {"D", 64}, {"T", 4096}};
  const bench::Lab lab = describe();
  const auto score = [&](std::int32_t first, int q_row, int k_row) {
    bench::InputSet set(lab.problem(size), ::testing::TempDir());
    set.fill(lab, size, 5);
    const bench::Io io = set.io();
    for (int r = 0; r < 32; ++r) {  // the same vector in every row
      std::copy_n(io.fill<float>(kQ).begin(), 64, io.fill<float>(kQ).begin() + 64 * r);
      io.fill<std::int32_t>(kPositions)[static_cast<std::size_t>(r)] = first + r;
    }
    angles_each_step().plan(size)->run(io, 1);
    const auto o = io.out<float>(kO);
    double sum = 0.0;
    for (int d = 0; d < 64; ++d) {
      sum += static_cast<double>(o[static_cast<std::size_t>(64 * q_row + d)]) *
             o[static_cast<std::size_t>(64 * k_row + d)];
    }
    return sum;
  };
  EXPECT_NEAR(score(0, 9, 4), score(4000, 20, 15), 1e-3);
  EXPECT_GT(std::fabs(score(0, 9, 4) - score(0, 9, 5)), 1e-2);
}

}  // namespace
}  // namespace aisp::labs::ch18::rope_q_cache
