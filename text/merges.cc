// See merges.h.
#include "text/merges.h"

#include <algorithm>
#include <numeric>
#include <queue>

#include "base/error.h"
#include "text/utf8.h"

namespace aisp::text {
namespace {

// Up to this many symbols all pairs are scanned for each merge: no memory, no queue. Words have 5
// bytes on average, and two in ten thousand are longer than this.
constexpr std::size_t kShortWord = 48;

constexpr std::uint32_t kNone = 0xFFFFFFFF;

}  // namespace

Merges::Merges(const TokenizerSpec& spec, const Vocabulary& vocabulary)
    : vocabulary_(vocabulary),
      byte_level_(spec.byte_level),
      pairs_(spec.kind == TokenizerKind::kBytePair ? spec.merges.size() : 4 * spec.pieces.size()) {
  if (spec.kind == TokenizerKind::kBytePair) {
    read_merges(spec);
  } else {
    pairs_from_scores(spec);
  }
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    of_byte_[static_cast<std::size_t>(byte)] = vocabulary.find(std::string_view(&c, 1));
  }
  words_end_at_spaces_ = spec.escape_spaces;
  for (std::size_t i = 0; words_end_at_spaces_ && i < spec.pieces.size(); ++i) {
    const std::string& piece = spec.pieces[i];
    if (vocabulary.find(vocabulary.model_text(static_cast<std::int32_t>(i))) < 0) continue;
    std::size_t letters = 0;
    while (piece.compare(letters, kSpaceMark.size(), kSpaceMark) == 0) letters += kSpaceMark.size();
    words_end_at_spaces_ = piece.find(kSpaceMark, letters) == std::string::npos;
  }
}

std::int32_t Merges::symbol_of(std::string_view text) {
  const std::int32_t id = vocabulary_.find(text);
  if (id >= 0) return id;
  const std::uint64_t hash = hash_bytes(text);
  const std::int32_t* known = passing_by_text_.find(hash, [&](std::int32_t i) {
    return passing_[static_cast<std::size_t>(i - vocabulary_.size())] == text;
  });
  if (known != nullptr) return *known;
  const std::int32_t made = vocabulary_.size() + static_cast<std::int32_t>(passing_.size());
  passing_.emplace_back(text);
  passing_by_text_.insert(hash, made);
  return made;
}

void Merges::add_merge(std::string_view left, std::string_view right, std::uint32_t rank) {
  const std::int32_t from = symbol_of(left), with = symbol_of(right);
  const std::int32_t to = symbol_of(std::string(left).append(right));
  if (merge_of(from, with) != nullptr) return;
  pairs_.insert(static_cast<std::uint64_t>(static_cast<std::uint32_t>(from)) << 32 |
                    static_cast<std::uint32_t>(with),
                {rank, to});
}

void Merges::read_merges(const TokenizerSpec& spec) {
  const auto text_of = [&](std::string_view side) {
    return spec.byte_level ? from_byte_alphabet(side) : std::string(side);
  };
  for (std::size_t rank = 0; rank < spec.merges.size(); ++rank) {
    const std::string_view merge = spec.merges[rank];
    // The first blank that leaves two pieces; else the first blank: sides may have blanks of their
    // own where spaces are not escaped.
    std::size_t at = std::string_view::npos;
    for (std::size_t blank = merge.find(' ', 1);
         blank != std::string_view::npos && blank + 1 < merge.size();
         blank = merge.find(' ', blank + 1)) {
      if (at == std::string_view::npos) at = blank;
      if (merge.find(' ', blank + 1) == std::string_view::npos && at == blank) break;
      if (vocabulary_.find(text_of(merge.substr(0, blank))) >= 0 &&
          vocabulary_.find(text_of(merge.substr(blank + 1))) >= 0) {
        at = blank;
        break;
      }
    }
    if (at == std::string_view::npos) {
      throw Error("merge " + std::to_string(rank) + " is not two texts with a blank between them",
                  "merges", "the file is damaged or of another kind");
    }
    add_merge(text_of(merge.substr(0, at)), text_of(merge.substr(at + 1)),
              static_cast<std::uint32_t>(rank));
  }
}

void Merges::pairs_from_scores(const TokenizerSpec& spec) {
  // Equal scores have equal ranks: the leftmost goes first among them.
  std::vector<std::int32_t> order;
  for (std::int32_t id = 0; id < vocabulary_.size(); ++id) {
    const std::string_view text = vocabulary_.model_text(id);
    if (text.size() > 1 && vocabulary_.find(text) == id) order.push_back(id);
  }
  const auto score = [&](std::int32_t id) { return spec.scores[static_cast<std::size_t>(id)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return score(a) > score(b); });
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && score(order[i]) != score(order[i - 1])) ++rank;
    const std::string_view text = vocabulary_.model_text(order[i]);
    const std::size_t first = static_cast<std::size_t>(utf8_at(text, 0).bytes);
    for (std::size_t cut = first; cut < text.size();) {
      const std::size_t next = cut + static_cast<std::size_t>(utf8_at(text, cut).bytes);
      const std::string_view left = text.substr(0, cut), right = text.substr(cut);
      // A side is a piece, or one character that is none.
      if ((cut == first || vocabulary_.find(left) >= 0) &&
          (next >= text.size() || vocabulary_.find(right) >= 0)) {
        add_merge(left, right, rank);
      }
      cut = next;
    }
  }
}

void Merges::encode(std::string_view word, std::vector<std::int32_t>& out) const {
  std::vector<std::int32_t> symbols;
  std::vector<std::uint32_t> begins;
  symbols.reserve(word.size());
  begins.reserve(word.size());
  for (std::size_t at = 0; at < word.size();) {
    std::size_t bytes = 1;
    std::int32_t id;
    if (byte_level_ || static_cast<unsigned char>(word[at]) < 0x80) {
      id = of_byte_[static_cast<unsigned char>(word[at])];
    } else {
      bytes = static_cast<std::size_t>(utf8_at(word, at).bytes);
      id = vocabulary_.find(word.substr(at, bytes));
    }
    if (id < 0 && !passing_.empty()) {
      const std::string_view text = word.substr(at, bytes);
      const std::int32_t* passing = passing_by_text_.find(hash_bytes(text), [&](std::int32_t i) {
        return passing_[static_cast<std::size_t>(i - vocabulary_.size())] == text;
      });
      if (passing != nullptr) id = *passing;
    }
    symbols.push_back(id);
    begins.push_back(static_cast<std::uint32_t>(at));
    at += bytes;
  }
  if (symbols.size() <= kShortWord) {
    merge_short(symbols, begins);
  } else {
    merge_long(symbols, begins);
  }
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i] >= 0 && symbols[i] < vocabulary_.size()) {
      out.push_back(symbols[i]);
      continue;
    }
    const std::size_t end = i + 1 < begins.size() ? begins[i + 1] : word.size();
    for (std::size_t at = begins[i]; at < end; ++at) out.push_back(~static_cast<std::int32_t>(at));
  }
}

void Merges::merge_short(std::vector<std::int32_t>& symbols,
                         std::vector<std::uint32_t>& begins) const {
  std::array<Merge, kShortWord> next;  // what each symbol and its right neighbour become
  const auto look = [&](std::size_t i) {
    const Merge* merge =
        i + 1 < symbols.size() && symbols[i] >= 0 ? merge_of(symbols[i], symbols[i + 1]) : nullptr;
    next[i] = merge == nullptr ? Merge{kNone, -1} : *merge;
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) look(i);
  while (symbols.size() > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < symbols.size(); ++i) {
      if (next[i].rank < next[best].rank) best = i;
    }
    if (next[best].rank == kNone) return;
    symbols[best] = next[best].to;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    begins.erase(begins.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    std::copy(next.begin() + static_cast<std::ptrdiff_t>(best) + 2,
              next.begin() + static_cast<std::ptrdiff_t>(symbols.size()) + 1,
              next.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    look(best);
    if (best > 0) look(best - 1);
  }
}

void Merges::merge_long(std::vector<std::int32_t>& symbols,
                        std::vector<std::uint32_t>& begins) const {
  struct Candidate {
    std::uint64_t rank_and_place;
    std::int32_t left, right, to;
    bool operator>(const Candidate& other) const { return rank_and_place > other.rank_and_place; }
  };
  const std::uint32_t count = static_cast<std::uint32_t>(symbols.size());
  std::vector<std::uint32_t> after(count), before(count);
  std::iota(after.begin(), after.end(), 1u);         // count: the end
  std::iota(before.begin(), before.end(), 0u - 1u);  // kNone: the start
  std::vector<Candidate> first;
  const auto candidate = [&](std::uint32_t i, auto&& put) {
    if (i == kNone || after[i] == count) return;
    const std::int32_t left = symbols[i], right = symbols[after[i]];
    if (left < 0 || right < 0) return;
    const Merge* merge = merge_of(left, right);
    if (merge == nullptr) return;
    put(Candidate{static_cast<std::uint64_t>(merge->rank) << 32 | i, left, right, merge->to});
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    candidate(i, [&](const Candidate& c) { first.push_back(c); });
  }
  std::priority_queue queue(std::greater<Candidate>(), std::move(first));
  std::vector<char> gone(count, 0);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const std::uint32_t i = static_cast<std::uint32_t>(best.rank_and_place);
    // Either symbol may have become part of another since.
    if (gone[i] || symbols[i] != best.left || after[i] == count ||
        symbols[after[i]] != best.right) {
      continue;
    }
    const std::uint32_t right = after[i];
    symbols[i] = best.to;
    gone[right] = 1;
    after[i] = after[right];
    if (after[i] != count) before[after[i]] = i;
    candidate(before[i], [&](const Candidate& c) { queue.push(c); });
    candidate(i, [&](const Candidate& c) { queue.push(c); });
  }
  std::size_t kept = 0;
  for (std::uint32_t i = 0; i < count; i = after[i], ++kept) {
    symbols[kept] = symbols[i];
    begins[kept] = begins[i];
  }
  symbols.resize(kept);
  begins.resize(kept);
}

}  // namespace aisp::text
