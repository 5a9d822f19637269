// Every technique is right at smoke and ragged sizes; bf16 hidden states would be noticed; a cache
// in blocks gives the same bits as one array.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"

namespace aisp::labs::ch15::kv_cache_management {

bench::Lab describe();

namespace {

TEST(KvCacheManagement, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(KvCacheManagement, BlocksDoNotChangeASingleBit) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    bench::InputSet set(lab.problem(one.smoke), "/tmp");
    set.fill(lab, one.smoke, 3);
    cached().plan(one.smoke)->run(set.io(), 1);
    const auto o = set.io().out<float>(kO);
    const std::vector<float> want(o.begin(), o.end());
    cached_paged().plan(one.smoke)->run(set.io(), 1);
    EXPECT_TRUE(std::equal(o.begin(), o.end(), want.begin())) << one.name;
  }
}

TEST(KvCacheManagement, LowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  bench::Technique cheat = cached();
  cheat.name = "bf16_hidden_states";
  cheat.plan = [](const bench::Params& params) {
    return bench::plan_of([params](const bench::Io& io) {
      const auto x = io.in<float>(kX);
      std::vector<float> rounded(x.begin(), x.end());
      for (float& value : rounded) value = static_cast<float>(bf16(value));
      std::vector<bench::Io::Buffer> inputs = {{rounded.data(), rounded.size() * 4, DType::kF32}};
      for (const std::size_t i : {kWq, kWk, kWv}) {
        const auto w = io.in<float>(i);
        inputs.push_back({const_cast<float*>(w.data()), w.size() * 4, DType::kF32});
      }
      const auto o = io.out<float>(kO);
      bench::Io::Buffer output{o.data(), o.size() * 4, DType::kF32};
      cached().plan(params)->run(bench::Io(inputs, {&output, 1}), 1);
    });
  };
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, cheat, 1), "") << one.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch15::kv_cache_management
