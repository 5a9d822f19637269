// Windows and sums of perplexity against both published definitions, worked out by hand; the scorer
// against the reference, one token a batch or many.
#include "model/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/made_model.h"
#include "model/reference.h"
#include "model/scorer.h"

namespace aisp::model {
namespace {

using Triple = std::array<std::int64_t, 3>;

std::vector<Triple> triples(const std::vector<Window>& windows) {
  std::vector<Triple> out;
  for (const Window& w : windows) out.push_back({w.begin, w.end, w.first_scored});
  return out;
}

// llama.cpp: n_ctx 8, first = 4; logits 4, 5 and 6 foretell tokens 5, 6 and 7 of each chunk.
TEST(Perplexity, HalvesAsLlamaCppHasThem) {
  EXPECT_EQ(triples(windows_by_halves(25, 8)),
            (std::vector<Triple>{{0, 8, 5}, {8, 16, 13}, {16, 24, 21}}));
  EXPECT_TRUE(windows_by_halves(7, 8).empty());
}

// transformers' loop: begin 0, 4, 8 ... of length 8, labels of what was not new are -100, and the
// shift by one takes a window's first token away.
TEST(Perplexity, StridesAsHuggingFaceHasThem) {
  EXPECT_EQ(triples(windows_by_stride(14, 8, 4)),
            (std::vector<Triple>{{0, 8, 1}, {4, 12, 8}, {8, 14, 12}}));
  EXPECT_EQ(triples(windows_by_stride(17, 8, 8)), (std::vector<Triple>{{0, 8, 1}, {8, 16, 9}}));
  EXPECT_EQ(triples(windows_by_stride(5, 8, 1)), (std::vector<Triple>{{0, 5, 1}}));
  std::int64_t scored = 0;
  for (const Window& w : windows_by_stride(1000, 64, 7)) scored += w.scored();
  EXPECT_EQ(scored, 999);
}

TEST(Perplexity, SumsInDouble) {
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{0, 0, 0, 0}), std::log(4.0));
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{1000, 1000}), 1000 + std::log(2.0));
  EXPECT_DOUBLE_EQ(log_sum_exp(std::vector<float>{-INFINITY, 3}), 3.0);
}

// Losses 1, 2, 3 and 6: mean 3, variance 3.5 over n, so sqrt(3.5 / 3). Windows {1, 2} and {3, 6}:
// residuals -3 and 3, so sqrt(18 * 2 / 1) / 4.
TEST(Perplexity, StandardErrors) {
  TokenLosses losses;
  EXPECT_TRUE(std::isnan(losses.error_by_tokens()));
  for (const auto& [a, b] : {std::pair{1.0, 2.0}, {3.0, 6.0}}) {
    losses.begin_window();
    losses.add(a), losses.add(b);
  }
  EXPECT_DOUBLE_EQ(losses.mean(), 3.0);
  EXPECT_DOUBLE_EQ(losses.error_by_tokens(), std::sqrt(3.5 / 3.0));
  EXPECT_DOUBLE_EQ(losses.error_by_windows(), 1.5);
  EXPECT_EQ(losses.windows(), 2);
}

struct Collected {
  std::vector<std::pair<std::size_t, std::int64_t>> places;
  std::vector<float> logits;
};

Collected collect(Scorer& scorer, std::span<const ScoredSequence> sequences) {
  Collected all;
  EXPECT_TRUE(scorer.run(sequences, [&](std::span<const ScoredRow> rows) {
    for (const ScoredRow& row : rows) {
      all.places.emplace_back(row.sequence, row.position);
      all.logits.insert(all.logits.end(), row.logits.begin(), row.logits.end());
    }
    return true;
  }));
  return all;
}

// Sequences share batches, blocks and order; each is what the reference says of it alone.
TEST(Scorer, ManySequencesAreEachTheirOwn) {
  const MadeModel m("qwen3");
  std::vector<std::vector<std::int32_t>> tokens;
  for (const std::size_t length : {1u, 700u, 33u, 5u, 64u}) {
    auto& one = tokens.emplace_back();
    for (std::size_t i = 0; i < length; ++i) {
      one.push_back(static_cast<std::int32_t>((i * 37 + length) % 512));
    }
  }
  std::vector<ScoredSequence> sequences;
  for (const auto& one : tokens) sequences.push_back({.tokens = one});
  sequences[1].first = 690;
  sequences[4].first = 63;
  Scorer scorer(m.tensors, m.config, {.kv = KvType::kF32, .threads = 2, .longest = 700});
  const Collected got = collect(scorer, sequences);
  std::vector<std::pair<std::size_t, std::int64_t>> places;
  std::size_t at = 0;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const auto length = static_cast<std::int64_t>(tokens[s].size());
    for (std::int64_t i = sequences[s].first; i < length; ++i) places.emplace_back(s, i);
    if (s == 1) {  // 700 tokens are many for the reference
      at += 10 * 512;
      continue;
    }
    for (const double want :
         reference_logits(m.tensors, m.config, tokens[s], {.first = sequences[s].first})) {
      ASSERT_NEAR(static_cast<double>(got.logits[at]), want, 1e-4) << at;
      ++at;
    }
  }
  EXPECT_EQ(got.places, places);
  EXPECT_EQ(at, got.logits.size());
  Scorer alone(m.tensors, m.config, {.kv = KvType::kF32, .threads = 1, .longest = 700});
  const Collected last = collect(alone, std::span(sequences).last(1));
  EXPECT_TRUE(std::equal(last.logits.begin(), last.logits.end(), got.logits.end() - 512));
}

TEST(Scorer, StopsWhenAsked) {
  const MadeModel m("llama");
  const std::vector<std::int32_t> tokens(600, 7);
  const ScoredSequence sequence{.tokens = tokens};
  Scorer scorer(m.tensors, m.config, {.threads = 1, .longest = 600});
  int calls = 0;
  EXPECT_FALSE(scorer.run({&sequence, 1}, [&](std::span<const ScoredRow>) {
    ++calls;
    return false;
  }));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace aisp::model
