// See unigram.h.
#include "text/unigram.h"

#include <algorithm>
#include <limits>

#include "text/utf8.h"

namespace aisp::text {
namespace {

// A character without a piece costs this much more than the worst piece (SentencePiece's
// kUnkPenalty).
constexpr float kUnknownPenalty = 10.0f;

}  // namespace

Unigram::Unigram(const TokenizerSpec& spec, const Vocabulary& vocabulary) : scores_(spec.scores) {
  std::vector<std::pair<std::string_view, std::int32_t>> texts;
  float lowest = 0.0f;
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
    const std::string_view text = vocabulary.model_text(id);
    if (text.empty() || vocabulary.find(text) != id) continue;
    texts.emplace_back(text, id);
    lowest = std::min(lowest, scores_[static_cast<std::size_t>(id)]);
  }
  unknown_score_ = lowest - kUnknownPenalty;
  trie_ = PieceTrie(std::move(texts));
}

void Unigram::encode(std::string_view text, std::vector<std::int32_t>& out) const {
  struct Best {
    double score = -std::numeric_limits<double>::infinity();
    std::uint32_t begin = 0;
    std::int32_t id = -1;  // -1: one character without a piece
  };
  std::vector<Best> best(text.size() + 1);  // the best cut of text[0, i)
  best[0].score = 0.0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t character = static_cast<std::size_t>(utf8_at(text, at).bytes);
    const double here = best[at].score;
    const auto offer = [&](std::size_t end, double score, std::int32_t id) {
      if (score > best[end].score) best[end] = {score, static_cast<std::uint32_t>(at), id};
    };
    bool has_piece = false;
    std::uint32_t node = 0;
    for (std::size_t end = at; end < text.size();) {
      node = trie_.child(node, static_cast<unsigned char>(text[end++]));
      if (node == 0) break;
      for (std::int32_t id : trie_.values(node)) {
        offer(end, here + static_cast<double>(scores_[static_cast<std::size_t>(id)]), id);
        has_piece = has_piece || end == at + character;
      }
    }
    if (!has_piece) offer(at + character, here + static_cast<double>(unknown_score_), -1);
    at += character;
  }
  const std::size_t first = out.size();
  for (std::size_t end = text.size(); end > 0; end = best[end].begin) {
    if (best[end].id >= 0) {
      out.push_back(best[end].id);
    } else {
      for (std::size_t i = end; i > best[end].begin; --i)
        out.push_back(~static_cast<std::int32_t>(i - 1));
    }
  }
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
}

}  // namespace aisp::text
