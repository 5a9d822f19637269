// Every technique is right at smoke and ragged sizes; a cache in bf16 would be noticed; the size of
// blocks, and how they were written, change no bit of what the same kernel reads from them.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch18_attention_decoding/paged_attn_layout/problem.h"

namespace aisp::labs::ch18::paged_attn_layout {

bench::Lab describe();

namespace {

TEST(PagedAttnLayout, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

void expect_same_bits(const std::vector<bench::Technique>& techniques) {
  const bench::Lab lab = describe();
  for (const bench::Params& size : lab.ragged) {
    bench::InputSet set(lab.problem(size), ::testing::TempDir());
    set.fill(lab, size, 5);
    std::vector<float> first;
    for (const bench::Technique& technique : techniques) {
      technique.plan(size)->run(set.io(), 1);
      const auto o = set.io().out<float>(kO);
      if (first.empty()) first.assign(o.begin(), o.end());
      EXPECT_TRUE(std::equal(o.begin(), o.end(), first.begin())) << technique.name;
    }
  }
}

TEST(PagedAttnLayout, WritingByTilesDoesNotChangeABit) {
  expect_same_bits({transposed_32(), transposed_32_tiles()});
}

TEST(PagedAttnLayout, OrderOfHeadsDoesNotChangeABit) {
  expect_same_bits({token_major_16(), head_major_16()});
  expect_same_bits({token_major_64(), head_major_64()});
}

TEST(PagedAttnLayout, EachBlockIsTakenOnceAndNoneAfterItsNeighbour) {
  Blocks blocks({.prompt = 1000, .steps = 1, .heads = {1, 1, 16}}, 16);
  const auto table = blocks.table();
  EXPECT_EQ(std::set<std::int32_t>(table.begin(), table.end()).size(), 63u);
  for (std::size_t i = 1; i < table.size(); ++i) EXPECT_NE(table[i], table[i - 1] + 1);
}

TEST(PagedAttnLayout, LowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  bench::Technique cheat = token_major_16();
  cheat.name = "bf16_keys";
  cheat.plan = [](const bench::Params& params) {
    return bench::plan_of([params](const bench::Io& io) {
      const auto k = io.fill<float>(kK), v = io.fill<float>(kV), q = io.fill<float>(kQ);
      std::vector<float> rounded(k.begin(), k.end());
      for (float& x : rounded) x = static_cast<float>(bf16(x));
      bench::Io::Buffer inputs[] = {{rounded.data(), k.size_bytes(), DType::kF32, nullptr},
                                    {v.data(), v.size_bytes(), DType::kF32, nullptr},
                                    {q.data(), q.size_bytes(), DType::kF32, nullptr}};
      const auto o = io.out<float>(kO);
      bench::Io::Buffer output{o.data(), o.size_bytes(), DType::kF32, nullptr};
      token_major_16().plan(params)->run(bench::Io(inputs, {&output, 1}), 1);
    });
  };
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, cheat, 1), "") << one.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch18::paged_attn_layout
