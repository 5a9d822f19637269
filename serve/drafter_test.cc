// Prompt lookup beside its definition, and stop strings beside a search in the whole text.
#include "serve/drafter.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "serve/stop_strings.h"

namespace aisp::serve {
namespace {

using Tokens = std::vector<Token>;

Tokens proposal(const Tokens& tokens, int most) {
  Tokens out;
  PromptLookup().look_up(tokens, most, out);
  return out;
}

TEST(PromptLookup, ContinuesWhatStoodThereBefore) {
  EXPECT_EQ(proposal({1, 2, 3, 4, 5, 9, 1, 2, 3}, 2), (Tokens{4, 5}));
  EXPECT_EQ(proposal({1, 2, 3, 4, 1, 2, 8, 7, 1, 2}, 1), (Tokens{8}));  // the latest among equals
  EXPECT_EQ(proposal({3, 1, 2, 4, 9, 1, 2, 8, 3, 1, 2}, 1), (Tokens{4}));  // the longest first
  EXPECT_EQ(proposal({7, 7, 7}, 8), (Tokens{7}));
  EXPECT_EQ(proposal({1, 2, 3, 4}, 4), (Tokens{}));
  EXPECT_EQ(proposal({}, 4), (Tokens{}));
}

TEST(StopStrings, AreFoundAcrossPieces) {
  StopStrings stops({"</end>", "STOP", ""});
  EXPECT_EQ(stops.push("abc</e"), "abc");
  EXPECT_EQ(stops.push("x</"), "</ex");
  EXPECT_EQ(stops.push("en"), "");
  EXPECT_EQ(stops.push("d>more"), "");
  EXPECT_TRUE(stops.stopped());
  EXPECT_EQ(stops.push("more"), "");
  EXPECT_EQ(stops.finish(), "");
  StopStrings open({"STOP"});
  EXPECT_EQ(open.push("a ST"), "a ");
  EXPECT_EQ(open.finish(), "ST");
}

// However the text is cut into pieces: what is shown is the text before the first stop string.
TEST(StopStrings, DoNotDependOnThePieces) {
  Rng rng(9);
  for (int round = 0; round < 20'000; ++round) {
    const auto word = [&](std::uint64_t most) {
      std::string text(1 + rng.below(most), 'a');
      for (char& c : text) c = "ab"[rng.below(2)];
      return text;
    };
    const std::string text = word(24);
    const std::vector<std::string> stops = {word(6), word(9)};
    std::size_t first = text.size(), end = std::string::npos;
    for (std::size_t to = 1; to <= text.size() && end == std::string::npos; ++to) {
      for (const std::string& stop : stops) {
        if (!std::string_view(text).substr(0, to).ends_with(stop)) continue;
        end = to;
        first = std::min(first, to - stop.size());
      }
    }
    StopStrings stream(stops);
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + rng.below(4);
      shown += stream.push(std::string_view(text).substr(at, size));
      at += size;
      ASSERT_LE(shown.size(), first);  // what is shown never has to be taken back
    }
    shown += stream.finish();
    ASSERT_EQ(shown, text.substr(0, first));
    ASSERT_EQ(stream.stopped(), end != std::string::npos);
  }
}

}  // namespace
}  // namespace aisp::serve
