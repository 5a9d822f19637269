// Every technique says what plain decoding does; guesses taken without a look would be noticed, and
// so would an answer that the reference does not give.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch18_attention_decoding/speculative_decoding/problem.h"
#include "model/reference.h"
#include "model/rounding_bound.h"

namespace aisp::labs::ch18::speculative_decoding {

bench::Lab describe();

namespace {

TEST(SpeculativeDecoding, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

/// `plain`, and then something done to its output.
bench::Technique spoilt(void (*spoil)(std::span<std::int32_t> tokens)) {
  bench::Technique technique = plain();
  technique.name = "cheat";
  technique.plan = [spoil](const bench::Params& params) {
    return bench::plan_of([spoil, params](const bench::Io& io) {
      plain().plan(params)->run(io, 1);
      spoil(io.out<std::int32_t>(kTokens));
    });
  };
  return technique;
}

TEST(SpeculativeDecoding, AnotherTokenIsNoticed) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    const auto nothing = [](std::span<std::int32_t>) {};
    const auto last = [](std::span<std::int32_t> tokens) { tokens.back() ^= 1; };
    const auto twice = [](std::span<std::int32_t> tokens) {
      std::copy_backward(tokens.begin(), tokens.end() - 1, tokens.end());
    };
    EXPECT_EQ(bench::run_and_check(lab, one.smoke, spoilt(nothing), 3), "");
    EXPECT_NE(bench::run_and_check(lab, one.smoke, spoilt(last), 3), "");
    EXPECT_NE(bench::run_and_check(lab, one.smoke, spoilt(twice), 3), "");
  }
}

// A guess is an answer only where the model says it too, even of a drafter that is never right.
TEST(SpeculativeDecoding, GuessesChangeNoToken) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[1].smoke;
  for (const double acceptance : {0.0, 0.5, 1.0}) {
    const bench::Technique technique = with_oracle("oracle", "", acceptance);
    EXPECT_EQ(bench::run_and_check(lab, size, technique, 4), "") << acceptance;
  }
}

TEST(SpeculativeDecoding, TiesAreWiderThanRounding) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[1].smoke;
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 5);
  const Shape s(size);
  const model::TensorFile file = s.model.file(std::as_bytes(set.io().in<std::uint8_t>(kModel)));
  const model::ModelTensors tensors = find_tensors(file, s.model.config());
  const auto prompt = set.io().in<std::int32_t>(kPrompt);
  const std::vector<double> logits = reference_logits(tensors, s.model.config(), prompt);
  EXPECT_LT(model::rounding_bound(tensors, s.model.config(), prompt, logits, 1), kTie);
}

TEST(SpeculativeDecoding, ARecordedAnswerThatTheModelDoesNotGiveIsNoticed) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[1].smoke;
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 5);
  const auto answer = set.io().fill<std::int32_t>(kAnswer);
  answer.back() ^= 1;
  const bench::Expected expected = bench::compute_expected(lab, size, set);
  EXPECT_NE(expected.outputs[kTokens].value.back(), answer.back());
}

}  // namespace
}  // namespace aisp::labs::ch18::speculative_decoding
