// Every technique is right at smoke and ragged sizes; a cache of 7 bits would be
// noticed; what each type loses is in the order of its bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch19_low_precision/dynamic_quantized_cache/problem.h"

namespace aisp::labs::ch19::dynamic_quantized_cache {

bench::Lab describe();

namespace {

TEST(DynamicQuantizedCache, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

/// f32_blocks with K and V rounded to `levels` steps a side, a scale for each `together` numbers.
bench::Technique rounded(float levels, std::size_t together) {
  bench::Technique cheat = f32_blocks();
  cheat.name = "rounded";
  cheat.plan = [=](const bench::Params& params) {
    return bench::plan_of([=](const bench::Io& io) {
      std::vector<std::vector<float>> copies;
      std::vector<bench::Io::Buffer> inputs;
      for (const std::size_t input : {kK, kV, kQ}) {
        const auto from = io.in<float>(input);
        copies.emplace_back(from.begin(), from.end());
        auto& x = copies.back();
        for (std::size_t i = 0; i < x.size() && input != kQ; i += together) {
          float most = 0.0f;
          for (std::size_t j = i; j < i + together; ++j) most = std::max(most, std::fabs(x[j]));
          for (std::size_t j = i; j < i + together; ++j) {
            x[j] = std::nearbyint(x[j] * levels / most) * most / levels;
          }
        }
      }
      for (auto& x : copies) inputs.push_back({x.data(), x.size() * 4, DType::kF32, nullptr});
      const auto o = io.out<float>(kO);
      bench::Io::Buffer output{o.data(), o.size_bytes(), DType::kF32, nullptr};
      f32_blocks().plan(params)->run(bench::Io(inputs, {&output, 1}), 1);
    });
  };
  return cheat;
}

TEST(DynamicQuantizedCache, FewerBitsAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Params size = {{"P", 100}, {"S", 8}, {"H", 8}, {"G", 4}, {"D", 64}};
  EXPECT_EQ(bench::run_and_check(lab, size, rounded(127.0f, 64), 3), "");
  EXPECT_NE(bench::run_and_check(lab, size, rounded(63.0f, 64), 3), "");
}

double rms_between(const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares / static_cast<double>(a.size()));
}

TEST(DynamicQuantizedCache, WhatATypeLosesIsInTheOrderOfItsBits) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    bench::InputSet set(lab.problem(one.smoke), ::testing::TempDir());
    set.fill(lab, one.smoke, 5);
    std::vector<std::vector<float>> results;
    for (const bench::Technique& technique :
         {f32_blocks(), bf16_blocks(), int8_widened(), int8_blocks(), int8_blocks_threads()}) {
      technique.plan(one.smoke)->run(set.io(), 1);
      const auto o = set.io().out<float>(kO);
      results.emplace_back(o.begin(), o.end());
    }
    const double bf16_loss = rms_between(results[0], results[1]);
    const double stored_loss = rms_between(results[0], results[2]);
    const double int8_loss = rms_between(results[0], results[3]);
    EXPECT_GT(bf16_loss, 0.0);
    EXPECT_GT(stored_loss, 2.0 * bf16_loss) << one.name;
    EXPECT_GT(int8_loss, 2.0 * bf16_loss) << one.name;
    EXPECT_EQ(results[3], results[4]) << one.name;
  }
}

}  // namespace
}  // namespace aisp::labs::ch19::dynamic_quantized_cache
