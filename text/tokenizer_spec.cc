// The limits and agreements that every tokenizer keeps, whoever wrote its file.
#include "text/tokenizer_spec.h"

#include <cmath>

#include "base/error.h"
#include "base/shown.h"

namespace aisp::text {
namespace {

// The largest vocabulary published has 262,144 pieces, and its longest piece 128 bytes (a run of
// spaces); its merges are 514,906.
constexpr std::size_t kMaxPieces = std::size_t{1} << 22;
constexpr std::size_t kMaxMerges = std::size_t{1} << 23;
constexpr std::size_t kMaxPieceBytes = 4096;
constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
constexpr std::size_t kMaxPatterns = 64;
constexpr std::size_t kMaxPatternBytes = 64 << 10;

}  // namespace

void check_spec(const TokenizerSpec& spec, std::string_view where) {
  const auto refuse = [&](const std::string& what) {
    throw Error(shown(what, 200), std::string(where),
                "the tokenizer is damaged or of a kind not known here");
  };
  const std::size_t count = spec.pieces.size();
  if (count == 0) refuse("the vocabulary is empty");
  if (count > kMaxPieces) refuse("the vocabulary has " + std::to_string(count) + " pieces");
  if (!spec.types.empty() && spec.types.size() != count) {
    refuse(std::to_string(count) + " pieces have " + std::to_string(spec.types.size()) + " types");
  }
  for (PieceType type : spec.types) {
    if (type < PieceType::kNormal || type > PieceType::kByte) refuse("a piece has no known type");
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bytes += spec.pieces[i].size();
    if (spec.pieces[i].size() > kMaxPieceBytes) {
      refuse("piece " + std::to_string(i) + " has " + std::to_string(spec.pieces[i].size()) +
             " bytes");
    }
  }
  if (bytes > kMaxBytes) refuse("the pieces have " + std::to_string(bytes) + " bytes");
  const bool scored = spec.kind != TokenizerKind::kBytePair;
  if (scored && spec.scores.size() != count) {
    refuse(std::to_string(count) + " pieces have " + std::to_string(spec.scores.size()) +
           " scores");
  }
  for (float score : spec.scores) {
    if (!std::isfinite(score)) refuse("a score is not a finite number");
  }
  if (spec.merges.size() > kMaxMerges) refuse("there are too many merges");
  for (const std::string& merge : spec.merges) {
    if (merge.size() > 2 * kMaxPieceBytes + 1) refuse("a merge is too long");
  }
  if (spec.patterns.size() > kMaxPatterns) refuse("there are too many patterns");
  for (const std::string& pattern : spec.patterns) {
    if (pattern.size() > kMaxPatternBytes) refuse("a pattern is too long");
  }
  const auto check_id = [&](std::int32_t id, const char* name) {
    if (id < -1 || id >= static_cast<std::int64_t>(count)) {
      refuse(std::string(name) + " is id " + std::to_string(id) + " of " + std::to_string(count));
    }
  };
  check_id(spec.bos, "bos"), check_id(spec.eos, "eos");
  check_id(spec.unknown, "unknown"), check_id(spec.pad, "pad");
  for (const auto* list : {&spec.ends, &spec.strip_left, &spec.strip_right}) {
    for (std::int32_t id : *list) {
      if (id < 0) refuse("a list of ids has a negative one");
      check_id(id, "an id of a list");
    }
  }
}

}  // namespace aisp::text
