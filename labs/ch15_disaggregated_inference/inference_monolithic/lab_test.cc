// Every technique is right at smoke and ragged sizes, with the same bits; logits kept in bf16, and
// a step that comes twice, would be noticed.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/verify.h"
#include "labs/ch15_disaggregated_inference/inference_monolithic/problem.h"

namespace aisp::labs::ch15::inference_monolithic {

bench::Lab describe();

namespace {

TEST(InferenceMonolithic, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(InferenceMonolithic, AllTechniquesGiveTheSameBits) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[1].smoke;
  EXPECT_EQ(bench::differing_bits(lab, size), "");
}

/// reused_buffer, and then something done to its output.
bench::Technique spoilt(void (*spoil)(std::span<float> logits, std::size_t vocab)) {
  bench::Technique technique = reused_buffer();
  technique.name = "cheat";
  technique.plan = [spoil](const bench::Params& params) {
    return bench::plan_of([spoil, params](const bench::Io& io) {
      reused_buffer().plan(params)->run(io, 1);
      spoil(io.out<float>(kLogits), Shape(params).vocab());
    });
  };
  return technique;
}

TEST(InferenceMonolithic, LowerPrecisionAndAStaleStepAreNoticed) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[0].smoke;
  const auto nothing = [](std::span<float>, std::size_t) {};
  const auto in_bf16 = [](std::span<float> logits, std::size_t) {
    for (float& value : logits) value = static_cast<float>(bf16(value));
  };
  const auto stale = [](std::span<float> logits, std::size_t vocab) {
    std::copy_n(logits.data(), vocab, logits.data() + vocab);
  };
  EXPECT_EQ(bench::run_and_check(lab, size, spoilt(nothing), 3), "");
  EXPECT_NE(bench::run_and_check(lab, size, spoilt(in_bf16), 3), "");
  EXPECT_NE(bench::run_and_check(lab, size, spoilt(stale), 3), "");
}

}  // namespace
}  // namespace aisp::labs::ch15::inference_monolithic
