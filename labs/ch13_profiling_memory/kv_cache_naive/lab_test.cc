// Every technique is right at smoke and ragged sizes; bf16 inputs would be noticed; wherever the
// cache lives, the result of one kernel is the same bit for bit.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch13_profiling_memory/kv_cache_naive/problem.h"

namespace aisp::labs::ch13::kv_cache_naive {

bench::Lab describe();

namespace {

TEST(KvCacheNaive, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(KvCacheNaive, PlaceOfTheCacheDoesNotChangeASingleBit) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.ragged[2];  // 49 tokens: three blocks and a part
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 5);
  std::vector<float> first;
  for (const bench::Technique& technique : lab.techniques) {
    if (technique.name == "engine_blocks") continue;  // another kernel
    technique.plan(size)->run(set.io(), 1);
    const auto o = set.io().out<float>(kO);
    if (first.empty()) first.assign(o.begin(), o.end());
    EXPECT_TRUE(std::equal(o.begin(), o.end(), first.begin())) << technique.name;
  }
}

TEST(KvCacheNaive, LowerPrecisionIsNoticed) {
  const bench::Lab lab = describe();
  bench::Technique cheat = concatenate();
  cheat.name = "bf16_inputs";
  cheat.plan = [](const bench::Params& params) {
    return bench::plan_of([shape = Shape(params), params](const bench::Io& io) {
      std::vector<std::vector<float>> copies;
      std::vector<bench::Io::Buffer> inputs;
      for (std::size_t i = kPromptK; i <= kV; ++i) {
        const auto from = io.in<float>(i);
        copies.emplace_back(from.begin(), from.end());
        for (float& x : copies.back()) x = static_cast<float>(bf16(x));
      }
      for (auto& copy : copies) inputs.push_back({copy.data(), copy.size() * 4, DType::kF32});
      const auto o = io.out<float>(kO);
      bench::Io::Buffer output{o.data(), o.size() * 4, DType::kF32};
      pooled().plan(params)->run(bench::Io(inputs, {&output, 1}), 1);
    });
  };
  for (const bench::Case& one : lab.cases) {
    EXPECT_NE(bench::run_and_check(lab, one.smoke, cheat, 1), "") << one.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch13::kv_cache_naive
