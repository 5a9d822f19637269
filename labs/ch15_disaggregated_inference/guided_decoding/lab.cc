// The lab: which tokens may come next, asked piece by piece or by a mask. See README.md.
#include <algorithm>
#include <map>

#include "base/rng.h"
#include "labs/ch15_disaggregated_inference/guided_decoding/problem.h"
#include "labs/ch15_disaggregated_inference/guided_decoding/recognizer.h"
#include "text/train_tokenizer.h"

namespace aisp::labs::ch15::guided_decoding {
namespace {

std::string word(Rng& rng) {
  std::string text;
  const std::uint64_t letters = 2 + rng.below(7);
  for (std::uint64_t i = 0; i < letters; ++i) {
    const std::string_view from = i % 2 == 0 ? "bcdfghklmnprstvw" : "aeiou";
    text += from[rng.below(from.size())];
  }
  return text;
}

// Pieces of a vocabulary come from its text: records, and prose beside them.
text::TokenizerSpec vocabulary_of(std::int32_t pieces) {
  Rng rng(7);
  std::string text = document(2, 60000);
  while (text.size() < 500000) text += (rng.below(8) == 0 ? ". " : " ") + word(rng);
  const std::string_view all = text;
  return text::train_byte_pairs({&all, 1}, {.vocabulary = pieces});
}

}  // namespace

std::string document(std::uint64_t seed, std::size_t bytes) {
  Rng rng(seed);
  std::string text;
  while (text.size() < bytes) {
    std::string name = word(rng) + " " + word(rng);
    if (rng.below(3) == 0) name += " " + word(rng).substr(0, 5);
    text += (text.empty() ? "[" : ",") + ("{\"id\":" + std::to_string(1 + rng.below(999999))) +
            ",\"name\":\"" + name + "\",\"ok\":" + (rng.below(2) == 0 ? "true" : "false") + "}";
  }
  return text + "]";
}

World::World(std::int32_t pieces)
    : tokenizer(vocabulary_of(pieces)),
      vocabulary(std::make_shared<text::GrammarVocabulary>(tokenizer)),
      grammar(text::Grammar::from_gbnf(kGrammar)) {}

bool World::is_text(std::int32_t id) const {
  const text::PieceType type = tokenizer.type(id);
  return type != text::PieceType::kControl && type != text::PieceType::kUnused;
}

const World& world(std::int64_t pieces) {
  static std::map<std::int64_t, World> worlds;
  const auto found = worlds.find(pieces);
  if (found != worlds.end()) return found->second;
  return worlds.try_emplace(pieces, static_cast<std::int32_t>(pieces)).first->second;
}

namespace {

using bench::Io;
using bench::Params;

bench::Problem problem(const Params& p) {
  return {.inputs = {{.name = "tokens", .dtype = DType::kI32, .shape = {p["S"]}},
                     {.name = "logits", .shape = {p["S"], p["V"]}}},
          .outputs = {{.name = "chosen", .dtype = DType::kI32, .shape = {p["S"]}}}};
}

constexpr float kAhead = 30.0f;  // of logits with deviation 3: nothing else reaches it

void prepare(const Params& p, std::uint64_t seed, const Io& io) {
  const auto tokens = io.fill<std::int32_t>(kTokens);
  const auto logits = io.fill<float>(kLogits);
  // A piece has 12 bytes at the most here on average, so that the document is longer than the
  // answer.
  const std::string text = document(derive_seed(seed, 1), 12 * tokens.size() + 200);
  const std::vector<std::int32_t> ids = world(p["V"]).tokenizer.encode(text);
  check(ids.size() >= tokens.size(), "the document is longer than the answer");
  std::copy_n(ids.begin(), tokens.size(), tokens.begin());
  fill_normal(logits, derive_seed(seed, 2));
  Rng rng(derive_seed(seed, 3));
  const auto pieces = static_cast<std::size_t>(p["V"]);
  for (std::size_t step = 0; step < tokens.size(); ++step) {
    if (rng.below(6) != 0) logits[step * pieces + static_cast<std::size_t>(tokens[step])] += kAhead;
  }
}

/// What must at least be looked at: each logit once. No arithmetic but comparisons.
bench::Work work(const Params& p) {
  const auto steps = static_cast<double>(p["S"]);
  return {.bytes_read = 4.0 * steps * (static_cast<double>(p["V"]) + 1.0),
          .bytes_written = 4.0 * steps,
          .items = steps,
          .item_name = "tokens",
          .medium = bench::Work::Medium::kNone};
}

/// By the recognizer: every piece from a copy of the machine that has read the text so far.
void reference(const Params& p, const Io& io, bench::Expected& expected) {
  const World& known = world(p["V"]);
  const auto pieces = static_cast<std::size_t>(p["V"]);
  const auto tokens = io.in<std::int32_t>(kTokens);
  const auto logits = io.in<float>(kLogits);
  Recognizer read;
  for (std::size_t step = 0; step < tokens.size(); ++step) {
    std::size_t best = pieces;
    for (std::size_t id = 0; id < pieces; ++id) {
      if (!known.is_text(static_cast<std::int32_t>(id))) continue;
      Recognizer ahead = read;
      if (!ahead.take(known.tokenizer.piece(static_cast<std::int32_t>(id)))) continue;
      if (best == pieces || logits[step * pieces + id] > logits[step * pieces + best]) best = id;
    }
    expected.outputs[kChosen].value[step] = static_cast<double>(best);
    check(read.take(known.tokenizer.piece(tokens[step])), "the answer is of the grammar");
  }
}

/// A choice is right or it is not.
Tolerance tolerance(const Params&) { return {}; }

Params sizes(std::int64_t v, std::int64_t s) { return {{"V", v}, {"S", s}}; }

}  // namespace

bench::Lab describe() {
  return {
      .question =
          "What does an answer of a grammar cost, when every piece of the vocabulary is "
          "asked at each step, and when what fits was found once?",
      .targets = {"ch15:guided_decoding"},
      .tags = {"grammar", "sampling", "serving"},
      .cases = {{.name = "records_16k",
                 .origin = "JSON records by a byte-pair vocabulary of 16,384 pieces, 48 tokens",
                 .smoke = sizes(600, 24),
                 .full = sizes(16384, 48)},
                {.name = "records_4k",
                 .origin = "JSON records by a byte-pair vocabulary of 4,096 pieces, 128 tokens",
                 .smoke = sizes(400, 30),
                 .full = sizes(4096, 128)}},
      .ragged = {sizes(300, 1), sizes(321, 40), sizes(777, 7)},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {piece_by_piece(), likeliest_first(), cold_masks(), masks()},
      .baseline = "piece_by_piece",
  };
}

}  // namespace aisp::labs::ch15::guided_decoding
