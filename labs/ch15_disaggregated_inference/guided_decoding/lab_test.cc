// Every technique is right at smoke and ragged sizes, judged by a recognizer of its own; a choice
// that ignores the grammar would be noticed; the recognizer knows what the grammar's text says.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/verify.h"
#include "labs/ch15_disaggregated_inference/guided_decoding/problem.h"
#include "labs/ch15_disaggregated_inference/guided_decoding/recognizer.h"

namespace aisp::labs::ch15::guided_decoding {

bench::Lab describe();

namespace {

TEST(GuidedDecoding, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(GuidedDecoding, AChoiceWithoutTheGrammarIsNoticed) {
  const bench::Lab lab = describe();
  bench::Technique free_text = masks();
  free_text.name = "cheat";
  free_text.plan = [](const bench::Params&) {
    return bench::plan_of([](const bench::Io& io) {
      const auto chosen = io.out<std::int32_t>(kChosen);
      const auto logits = io.in<float>(kLogits);
      const std::size_t pieces = logits.size() / chosen.size();
      for (std::size_t step = 0; step < chosen.size(); ++step) {
        const auto row = logits.subspan(step * pieces, pieces);
        chosen[step] = static_cast<std::int32_t>(std::ranges::max_element(row) - row.begin());
      }
    });
  };
  EXPECT_NE(bench::run_and_check(lab, lab.cases[1].smoke, free_text, 3), "");
}

TEST(GuidedDecoding, TheRecognizerKnowsItsGrammar) {
  const auto begins = [](std::string_view text) { return Recognizer().take(text); };
  EXPECT_TRUE(begins(document(5, 500)));
  EXPECT_TRUE(begins("[{\"id\":7,\"name\":\"a b\",\"ok\":false},{"));
  EXPECT_TRUE(begins("[{\"id\":999999,\"na"));
  EXPECT_FALSE(begins("[{\"id\":0"));
  EXPECT_FALSE(begins("[{\"id\":1234567"));
  EXPECT_FALSE(begins("[{\"id\":1,\"name\":\"\""));
  EXPECT_FALSE(begins("[{\"id\":1,\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaa"));
  EXPECT_FALSE(begins("[{\"id\":1,\"name\":\"a\",\"ok\":true}]x"));
  EXPECT_FALSE(begins("[{\"id\":1,\"name\":\"a\",\"ok\":maybe"));
  EXPECT_FALSE(begins("[]"));
}

/// Every byte that begins to be a text, and no other, at every place of a document.
TEST(GuidedDecoding, RecognizerAndMatcherAgreeOnEveryByte) {
  const World& known = world(400);
  const std::string text = document(6, 300);
  text::GrammarState state(known.matcher());
  Recognizer read;
  for (const char c : text) {
    for (int byte = 0; byte < 256; ++byte) {
      const char one = static_cast<char>(byte);
      Recognizer ahead = read;
      ASSERT_EQ(ahead.take(one), state.allowed({&one, 1})) << "byte " << byte;
    }
    ASSERT_TRUE(read.take(c));
    ASSERT_TRUE(state.advance_bytes({&c, 1}));
  }
}

}  // namespace
}  // namespace aisp::labs::ch15::guided_decoding
