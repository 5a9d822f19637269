// Byte pairs, scores and unigrams against the definitions written naively; special pieces, spaces,
// bytes, threads; and that no text costs more than n log n.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <thread>

#include "base/error.h"
#include "base/rng.h"
#include "text/vocabulary.h"

namespace aisp::text {
namespace {

using Ids = std::vector<std::int32_t>;

/// The 256 bytes in GPT-2's alphabet.
TokenizerSpec byte_spec() {
  TokenizerSpec spec;
  spec.byte_level = true;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    spec.pieces.push_back(to_byte_alphabet(std::string_view(&c, 1)));
  }
  return spec;
}

void add_merge(TokenizerSpec& spec, const std::string& left, const std::string& right) {
  spec.merges.push_back(left + " " + right);
  spec.pieces.push_back(left + right);
}

/// A vocabulary of pieces, random merges of earlier ones over three letters.
TokenizerSpec random_merges(std::uint64_t seed, int count) {
  TokenizerSpec spec;
  spec.pieces = {"a", "b", "c"};
  Rng rng(seed);
  std::map<std::string, bool> known;
  for (int i = 0; i < count; ++i) {
    const std::string left = spec.pieces[rng.below(spec.pieces.size())];
    const std::string right = spec.pieces[rng.below(spec.pieces.size())];
    if (left.size() + right.size() > 12 || known[left + right]) continue;
    known[left + right] = true;
    add_merge(spec, left, right);
  }
  return spec;
}

std::string random_text(Rng& rng, std::string_view letters, std::size_t length) {
  std::string text;
  while (text.size() < length) text.push_back(letters[rng.below(letters.size())]);
  return text;
}

/// Merges the best pair of the whole word, leftmost first, until there is none.
std::vector<std::string> naive_merge(std::vector<std::string> word,
                                     const std::map<std::string, double>& rank) {
  for (;;) {
    std::size_t best = word.size();
    double best_rank = 1e300;
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      const auto found = rank.find(word[i] + " " + word[i + 1]);
      if (found != rank.end() && found->second < best_rank) best = i, best_rank = found->second;
    }
    if (best == word.size()) return word;
    word[best] += word[best + 1];
    word.erase(word.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::vector<std::string> letters_of(std::string_view text) {
  std::vector<std::string> letters;
  for (char c : text) letters.emplace_back(1, c);
  return letters;
}

std::vector<std::string> pieces_of(const Tokenizer& tokenizer, const Ids& ids) {
  std::vector<std::string> pieces;
  for (std::int32_t id : ids) pieces.emplace_back(tokenizer.piece(id));
  return pieces;
}

TEST(BytePairs, MergeAsTheDefinitionDoes) {
  Rng rng(7);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const TokenizerSpec spec = random_merges(seed, 60);
    const Tokenizer tokenizer(spec);
    std::map<std::string, double> rank;
    for (std::size_t i = 0; i < spec.merges.size(); ++i) {
      rank.emplace(spec.merges[i], static_cast<double>(i));
    }
    // Both ways of merging: 48 symbols is where the queue begins.
    for (std::size_t length : {1, 2, 3, 7, 30, 47, 48, 49, 50, 200, 500}) {
      const std::string text = random_text(rng, "abc", length);
      EXPECT_EQ(pieces_of(tokenizer, tokenizer.encode(text)), naive_merge(letters_of(text), rank))
          << seed << " " << text;
    }
  }
}

TEST(BytePairs, AWordThatIsAPieceIsThatPieceOnlyWhenMergesLeadThere) {
  TokenizerSpec spec;
  spec.pieces = {"a", "b", "c", "bc", "ab", "abc"};
  spec.merges = {"b c", "a b", "ab c"};  // "abc" becomes a + bc, never the piece "abc"
  EXPECT_EQ(Tokenizer(spec).encode("abc"), (Ids{0, 3}));
  spec.ignore_merges = true;
  EXPECT_EQ(Tokenizer(spec).encode("abc"), (Ids{5}));
}

TEST(BytePairs, AMergeMayPassThroughATextThatIsNoPiece) {
  TokenizerSpec spec;
  spec.pieces = {"a", "b", "c", "abc"};
  spec.merges = {"a b", "ab c"};
  const Tokenizer tokenizer(spec);
  EXPECT_EQ(tokenizer.encode("abc"), (Ids{3}));
  EXPECT_EQ(tokenizer.encode("abb"), (Ids{1}));  // "ab" is no piece, and nothing stands for it
}

TEST(BytePairs, MergesMayContainBlanks) {
  TokenizerSpec spec;
  spec.pieces = {"a", " ", "a ", "a a"};
  spec.merges = {"a  ", "a  a"};  // "a" + " "; "a " + "a"
  EXPECT_EQ(Tokenizer(spec).encode("a a"), (Ids{3}));
}

TEST(ScoredPairs, MergeAsSentencePieceDoes) {
  Rng rng(11);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    TokenizerSpec spec;
    spec.kind = TokenizerKind::kScoredPairs;
    spec.pieces = {"a", "b"};  // "c" has no piece, though pieces contain it
    for (int i = 0; i < 30; ++i) {
      const std::string piece = random_text(rng, "abc", 2 + rng.below(4));
      if (std::find(spec.pieces.begin(), spec.pieces.end(), piece) == spec.pieces.end()) {
        spec.pieces.push_back(piece);
      }
    }
    std::map<std::string, double> rank;  // of every cut of every piece
    for (std::size_t id = 0; id < spec.pieces.size(); ++id) {
      // Few different scores, so that ties are common.
      spec.scores.push_back(-static_cast<float>(rng.below(6)));
      for (std::size_t cut = 1; cut < spec.pieces[id].size(); ++cut) {
        rank[spec.pieces[id].substr(0, cut) + " " + spec.pieces[id].substr(cut)] =
            -static_cast<double>(spec.scores[id]);
      }
    }
    const Tokenizer tokenizer(spec);
    for (std::size_t length : {2, 5, 20, 47, 60, 300}) {
      const std::string text = random_text(rng, "abc", length);
      std::vector<std::string> expected = naive_merge(letters_of(text), rank);
      std::erase(expected, "c");  // no piece, no unknown piece: nothing
      EXPECT_EQ(pieces_of(tokenizer, tokenizer.encode(text)), expected) << seed << " " << text;
    }
  }
}

TEST(Unigram, FindsTheBestOfAllCuts) {
  Rng rng(3);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    TokenizerSpec spec;
    spec.kind = TokenizerKind::kUnigram;
    spec.pieces = {"<unk>", "a", "b"};
    spec.unknown = 0;
    spec.types = {PieceType::kUnknown, PieceType::kNormal, PieceType::kNormal};
    spec.scores = {0.0f, -3.0f, -3.5f};
    for (int i = 0; i < 12; ++i) {
      spec.pieces.push_back(random_text(rng, "ab", 2 + rng.below(3)) + std::to_string(i % 2));
      if (i % 2 == 0) spec.pieces.back().pop_back();
      spec.types.push_back(PieceType::kNormal);
      spec.scores.push_back(-static_cast<float>(rng.uniform()) * 8.0f);
    }
    const Tokenizer tokenizer(spec);
    const std::string text = random_text(rng, "ab", 12);
    // Every cut: 2^11 of them.
    double best = -1e300;
    for (unsigned cuts = 0; cuts < 1u << 11; ++cuts) {
      double sum = 0.0;
      for (std::size_t begin = 0, i = 0; i < text.size() && sum > -1e299; ++i) {
        if (i + 1 < text.size() && !(cuts >> i & 1)) continue;
        double score = -1e300;
        for (std::size_t id = 1; id < spec.pieces.size(); ++id) {
          if (text.substr(begin, i + 1 - begin) == spec.pieces[id]) {
            score = static_cast<double>(spec.scores[id]);
            break;  // the first of equal texts
          }
        }
        sum += score;
        begin = i + 1;
      }
      best = std::max(best, sum);
    }
    double sum = 0.0;
    for (std::int32_t id : tokenizer.encode(text)) {
      sum += static_cast<double>(spec.scores[static_cast<std::size_t>(id)]);
    }
    EXPECT_NEAR(sum, best, 1e-9) << text;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    EXPECT_EQ(tokenizer.encode("zzz"), Ids{0});  // a run of unknown characters is one
  }
}

TokenizerSpec llama_like() {
  TokenizerSpec spec;
  spec.kind = TokenizerKind::kScoredPairs;
  const auto add = [&](const std::string& piece, float score, PieceType type) {
    spec.pieces.push_back(piece), spec.scores.push_back(score), spec.types.push_back(type);
  };
  add("<unk>", 0, PieceType::kUnknown);
  add("<s>", 0, PieceType::kControl);
  add("</s>", 0, PieceType::kControl);
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned>(byte));
    add(name, 0, PieceType::kByte);
  }
  float score = 0;
  for (const char* piece :
       {"\u2581", "a", "b", "ab", "\u2581ab", "\u2581\u2581", "<", "s", ">", "<s", "é"}) {
    add(piece, --score, PieceType::kNormal);
  }
  spec.unknown = 0, spec.bos = 1, spec.eos = 2;
  spec.add_bos = true, spec.byte_fallback = true, spec.escape_spaces = true;
  spec.space_prefix = SpacePrefix::kAfterSpecial;
  return spec;
}

TEST(Tokenizer, SentencePieceSpacesBytesAndSpecialPieces) {
  const Tokenizer tokenizer(llama_like());
  const auto id = [&](std::string_view text) { return tokenizer.id_of(text); };
  EXPECT_EQ(tokenizer.encode("ab ab"), (Ids{1, id("\u2581ab"), id("\u2581ab")}));
  EXPECT_EQ(tokenizer.encode("ab", {.add_special = false}), (Ids{id("\u2581ab")}));
  // 'é' has a piece, 'ü' becomes its two bytes, and so do broken bytes.
  EXPECT_EQ(tokenizer.encode("éü\xff", {.add_special = false}),
            (Ids{id("\u2581"), id("é"), id("<0xC3>"), id("<0xBC>"), id("<0xFF>")}));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("éü\xff a  b")), "éü\xff a  b");
  // The control piece only when asked, and a byte piece's name never: it is text.
  EXPECT_EQ(tokenizer.encode("<s>", {.add_special = false}),
            (Ids{id("\u2581"), id("<s"), id(">")}));
  EXPECT_EQ(tokenizer.encode("<s>ab", {.add_special = false, .parse_special = true}),
            (Ids{1, id("\u2581ab")}));
  EXPECT_EQ(tokenizer.decode(Ids{1, id("\u2581ab"), 2}), "ab");
  EXPECT_EQ(tokenizer.decode(Ids{1, id("\u2581ab"), 2}, {.show_special = true}), "<s>ab</s>");
  EXPECT_EQ(tokenizer.decode(Ids{id("\u2581ab")}, {.continues = true}), " ab");
  EXPECT_TRUE(tokenizer.ends_text(2));
  EXPECT_FALSE(tokenizer.ends_text(-1));
  EXPECT_EQ(tokenizer.decode(Ids{-5, 100000}), "");
}

TEST(Tokenizer, WordsCutAtSpacesChangeNothing) {
  // The same vocabulary with one more piece, which spans a space, so that nothing may be cut.
  TokenizerSpec spanning = llama_like();
  spanning.pieces.push_back("zz\u2581zz");
  spanning.scores.push_back(-50), spanning.types.push_back(PieceType::kNormal);
  const Tokenizer cut(llama_like()), whole(spanning);
  Rng rng(5);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_text(rng, "ab  s<>", rng.below(90));
    EXPECT_EQ(cut.encode(text), whole.encode(text)) << text;
  }
}

TEST(Tokenizer, UserDefinedPiecesAlwaysTheLongestFirst) {
  TokenizerSpec spec = byte_spec();
  spec.types.assign(spec.pieces.size(), PieceType::kNormal);
  const auto add = [&](const char* piece, PieceType type) {
    spec.pieces.push_back(piece), spec.types.push_back(type);
    return static_cast<std::int32_t>(spec.pieces.size()) - 1;
  };
  const std::int32_t tag = add("<t>", PieceType::kUserDefined);
  const std::int32_t tags = add("<t><t>", PieceType::kUserDefined);
  const std::int32_t control = add("<t><t><t>", PieceType::kControl);
  spec.strip_right = {tag}, spec.strip_left = {tag};
  const Tokenizer tokenizer(spec);
  EXPECT_EQ(tokenizer.encode("<t><t><t>"), (Ids{tags, tag}));
  EXPECT_EQ(tokenizer.encode("<t><t><t>", {.parse_special = true}), (Ids{control}));
  EXPECT_EQ(tokenizer.encode("A  <t> \n B"), (Ids{'A', tag, 'B'}));
  EXPECT_EQ(tokenizer.decode(Ids{tag, control}), "<t>");
}

TEST(Tokenizer, NormalForms) {
  TokenizerSpec spec = byte_spec();
  const std::string apart = "e\u0301 \xff ﬁ";
  EXPECT_EQ(Tokenizer(spec).decode(Tokenizer(spec).encode(apart)), apart);
  spec.normal_form = NormalForm::kNfc;
  EXPECT_EQ(Tokenizer(spec).decode(Tokenizer(spec).encode(apart)), "é \xff ﬁ");
  spec.normal_form = NormalForm::kNfkc;
  EXPECT_EQ(Tokenizer(spec).decode(Tokenizer(spec).encode(apart)), "é \xff fi");
}

TEST(StreamDecoder, HoldsUntilACharacterIsWhole) {
  const Tokenizer tokenizer(byte_spec());
  StreamDecoder stream(tokenizer);
  const std::string text = "a\u00e9\u4f60\U0001F600z";
  std::string shown;
  for (std::int32_t id : tokenizer.encode(text)) {
    const std::string part = stream.add(id);
    EXPECT_TRUE(part.empty() || static_cast<unsigned char>(part[0]) < 0x80 || part.size() > 1);
    shown += part;
  }
  EXPECT_EQ(shown + stream.finish(), text);
  // A lead byte that another character follows, a stray byte, and an end in the middle.
  shown.clear();
  for (int byte : {0xE4, 0x62, 0xBF, 0xE4, 0xBD}) shown += stream.add(byte);
  EXPECT_EQ(shown, "\uFFFDb\uFFFD");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Tokenizer, AMegabyteWithoutSpacesIsNotQuadratic) {
  using Clock = std::chrono::steady_clock;
  TokenizerSpec scored = llama_like();
  scored.patterns.clear();
  TokenizerSpec pairs = random_merges(1, 200);
  TokenizerSpec unigram = llama_like();
  unigram.kind = TokenizerKind::kUnigram;
  Rng rng(1);
  for (const TokenizerSpec& spec : {scored, pairs, unigram}) {
    const Tokenizer tokenizer(spec);
    for (const std::string& text : {random_text(rng, "abc", 1 << 20), std::string(1 << 20, 'a')}) {
      const auto begin = Clock::now();
      EXPECT_GT(tokenizer.encode(text).size(), 1000u);
      // About 0.1 s; quadratic would be minutes.
      EXPECT_LT(Clock::now() - begin, std::chrono::seconds(8));
    }
  }
}

TEST(Tokenizer, ThreadsShareIt) {
  TokenizerSpec spec = random_merges(2, 100);
  spec.patterns = {"c"};
  Rng rng(9);
  const std::string text = random_text(rng, "abc", 20000);
  const Ids expected = Tokenizer(spec).encode(text);
  const Tokenizer shared(spec);
  std::vector<Ids> found(4);
  std::vector<std::thread> threads;
  for (Ids& ids : found) threads.emplace_back([&] { ids = shared.encode(text); });
  for (std::thread& thread : threads) thread.join();
  for (const Ids& ids : found) EXPECT_EQ(ids, expected);
}

TEST(Tokenizer, SpecsThatDoNotHoldTogetherAreRefused) {
  const auto refused = [](auto&& change, TokenizerSpec spec) {
    change(spec);
    EXPECT_THROW(Tokenizer{std::move(spec)}, Error);
  };
  refused([](TokenizerSpec& s) { s.pieces.clear(); }, byte_spec());
  refused([](TokenizerSpec& s) { s.types.resize(3, PieceType::kNormal); }, byte_spec());
  refused([](TokenizerSpec& s) { s.bos = 256; }, byte_spec());
  refused([](TokenizerSpec& s) { s.eos = -2; }, byte_spec());
  refused([](TokenizerSpec& s) { s.ends = {-1}; }, byte_spec());
  refused([](TokenizerSpec& s) { s.merges = {"ab"}; }, byte_spec());
  refused([](TokenizerSpec& s) { s.merges = {" "}; }, byte_spec());
  refused([](TokenizerSpec& s) { s.merges = {std::string(20000, 'a')}; }, byte_spec());
  refused([](TokenizerSpec& s) { s.pieces[0] = std::string(5000, 'a'); }, byte_spec());
  refused([](TokenizerSpec& s) { s.patterns = {"(unclosed"}; }, byte_spec());
  refused([](TokenizerSpec& s) { s.patterns.assign(65, "a"); }, byte_spec());
  refused([](TokenizerSpec& s) { s.patterns = {std::string(70000, 'a')}; }, byte_spec());
  refused([](TokenizerSpec& s) { s.scores.pop_back(); }, llama_like());
  refused([](TokenizerSpec& s) { s.scores[5] = std::numeric_limits<float>::quiet_NaN(); },
          llama_like());
  refused([](TokenizerSpec& s) { s.types[5] = static_cast<PieceType>(9); }, llama_like());
}

}  // namespace
}  // namespace aisp::text
