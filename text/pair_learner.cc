// See pair_learner.h.
#include "text/pair_learner.h"

#include <algorithm>
#include <queue>
#include <tuple>

#include "text/flat_table.h"

namespace aisp::text {
namespace {

using Pair = std::pair<std::int32_t, std::int32_t>;

struct PairState {
  Pair pair;
  std::int64_t count = 0;
  std::vector<std::uint32_t> words;  // that had it when it was met; some may have lost it since
};

class Learner {
 public:
  Learner(std::vector<CountedWord> words, LearnOptions options)
      : words_(std::move(words)), options_(std::move(options)) {
    for (std::uint32_t w = 0; w < words_.size(); ++w) {
      count_pairs(w, words_[w].count, -1);
    }
    for (std::uint32_t i = 0; i < pairs_.size(); ++i) push(i);
  }

  std::vector<Pair> run() {
    std::vector<Pair> merges;
    while (static_cast<std::int32_t>(merges.size()) < options_.merges && !queue_.empty()) {
      const auto [count, left, right, index] = queue_.top();
      queue_.pop();
      const std::int64_t now = pairs_[index].count;
      if (now != count) {  // it lost some since: to its place among the others
        push(index);
        continue;
      }
      const Pair pair = {-left, -right};
      if (bytes(pair.first) + bytes(pair.second) > options_.max_bytes) continue;
      const std::int32_t made = options_.first_symbol + static_cast<std::int32_t>(merges.size());
      options_.bytes_of.push_back(bytes(pair.first) + bytes(pair.second));
      merges.push_back(pair);
      merge(index, made);
    }
    return merges;
  }

 private:
  // The largest count first, then the smallest symbols (negated).
  using Entry = std::tuple<std::int64_t, std::int32_t, std::int32_t, std::uint32_t>;

  std::size_t bytes(std::int32_t symbol) const {
    return options_.bytes_of[static_cast<std::size_t>(symbol)];
  }

  void push(std::uint32_t index) {
    const PairState& state = pairs_[index];
    if (state.count < options_.min_count || state.count <= 0) return;
    queue_.emplace(state.count, -state.pair.first, -state.pair.second, index);
  }

  std::uint32_t index_of(Pair pair) {
    const std::uint64_t key = static_cast<std::uint64_t>(static_cast<std::uint32_t>(pair.first))
                                  << 32 |
                              static_cast<std::uint32_t>(pair.second);
    if (const std::uint32_t* found = index_.find(key)) return *found;
    const std::uint32_t made = static_cast<std::uint32_t>(pairs_.size());
    pairs_.push_back({pair, 0, {}});
    index_.insert(key, made);
    return made;
  }

  /// Adds `count` to every pair of word w. Notes the word at pairs with the symbol `made` (-1: at
  /// all pairs) and lists those in met_.
  void count_pairs(std::uint32_t w, std::int64_t count, std::int32_t made) {
    const std::vector<std::int32_t>& symbols = words_[w].symbols;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const Pair pair = {symbols[i], symbols[i + 1]};
      if (pair.first < 0 || pair.second < 0) continue;
      const std::uint32_t index = index_of(pair);
      pairs_[index].count += count;
      if (count <= 0 || (made >= 0 && pair.first != made && pair.second != made)) continue;
      std::vector<std::uint32_t>& words = pairs_[index].words;
      if (words.empty() || words.back() != w) words.push_back(w);
      if (made >= 0) met_.push_back(index);
    }
  }

  void merge(std::uint32_t index, std::int32_t made) {
    const std::vector<std::uint32_t> words = std::move(pairs_[index].words);
    const Pair pair = pairs_[index].pair;
    met_.clear();
    for (std::uint32_t w : words) {
      std::vector<std::int32_t>& symbols = words_[w].symbols;
      bool has_it = false;
      for (std::size_t i = 0; i + 1 < symbols.size() && !has_it; ++i) {
        has_it = symbols[i] == pair.first && symbols[i + 1] == pair.second;
      }
      if (!has_it) continue;
      count_pairs(w, -words_[w].count, -1);
      std::size_t kept = 0;
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        const bool here =
            i + 1 < symbols.size() && symbols[i] == pair.first && symbols[i + 1] == pair.second;
        symbols[kept++] = here ? made : symbols[i];
        if (here) ++i;
      }
      symbols.resize(kept);
      count_pairs(w, words_[w].count, made);
    }
    // Pairs of other symbols only became rarer: they stay in the queue, and are corrected there.
    std::sort(met_.begin(), met_.end());
    met_.erase(std::unique(met_.begin(), met_.end()), met_.end());
    for (std::uint32_t i : met_) push(i);
  }

  std::vector<CountedWord> words_;
  LearnOptions options_;
  std::vector<PairState> pairs_;
  FlatTable<std::uint32_t> index_;
  std::priority_queue<Entry> queue_;
  std::vector<std::uint32_t> met_;
};

}  // namespace

std::vector<Pair> learn_pairs(std::vector<CountedWord> words, LearnOptions options) {
  return Learner(std::move(words), std::move(options)).run();
}

}  // namespace aisp::text
