// One answer whose text must be a JSON list of records, {"id":..,"name":"..","ok":..}: at each step
// the token with the largest logit among those that the grammar allows. What was answered is given
// (a recorded answer), so that every technique stands at the same places. Params: V pieces of the
// vocabulary, S steps. Inputs: tokens [S] i32, the answer; logits [S, V] f32, of which five in six
// have the answer's token far ahead, as a trained model's would. Output: chosen [S] i32, step i
// behind the tokens before i; the lowest id among equals.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bench/lab.h"
#include "text/grammar.h"

namespace aisp::labs::ch15::guided_decoding {

enum Input : std::size_t { kTokens, kLogits };
enum Output : std::size_t { kChosen };

/// What a server has before any request: a vocabulary and a grammar, the same in every run.
struct World {
  explicit World(std::int32_t pieces);
  text::Tokenizer tokenizer;
  std::shared_ptr<const text::GrammarVocabulary> vocabulary;
  text::Grammar grammar;
  std::shared_ptr<text::GrammarMatcher> matcher() const {
    return std::make_shared<text::GrammarMatcher>(grammar, vocabulary);
  }
  bool is_text(std::int32_t id) const;
};
/// Made once for a size of the vocabulary.
const World& world(std::int64_t pieces);

/// Records until the text has this many bytes or more; drawn from the seed.
std::string document(std::uint64_t seed, std::size_t bytes);

/// Walks through the answer: `choose(state, logits)` gives each step's token.
template <class Choose>
void serve(const bench::Io& io, text::GrammarState state, const Choose& choose) {
  const auto tokens = io.in<std::int32_t>(kTokens);
  const auto chosen = io.out<std::int32_t>(kChosen);
  const std::span<const float> logits = io.in<float>(kLogits);
  const std::size_t pieces = logits.size() / tokens.size();
  for (std::size_t step = 0; step < tokens.size(); ++step) {
    chosen[step] = choose(state, logits.subspan(step * pieces, pieces));
    state.advance(tokens[step]);
  }
}

/// The allowed token with the largest logit, every piece asked one by one.
std::int32_t best_of_all(const World& world, const text::GrammarState& state,
                         std::span<const float> logits);
/// By the matcher's mask into `mask`.
std::int32_t best_of_mask(const text::GrammarState& state, std::span<const float> logits,
                          std::span<std::uint64_t> mask);

bench::Technique piece_by_piece();
bench::Technique likeliest_first();
bench::Technique cold_masks();
bench::Technique masks();

}  // namespace aisp::labs::ch15::guided_decoding
