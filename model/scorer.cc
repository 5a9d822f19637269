// See scorer.h.
#include "model/scorer.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace aisp::model {
namespace {

// A batch's logits stay below this (half the rows would read the weights twice as often).
constexpr std::int64_t kLogitBytes = 64 << 20;
constexpr std::int64_t kMostRows = 512, kLeastRows = 32;

std::int64_t blocks_of(std::int64_t tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

std::int64_t rows_of(const ModelConfig& config) {
  return std::clamp(kLogitBytes / (config.vocab * 4), kLeastRows, kMostRows);
}

std::int64_t length(const ScoredSequence& sequence) {
  return static_cast<std::int64_t>(sequence.tokens.size());
}

}  // namespace

Scorer::Scorer(const ModelTensors& tensors, const ModelConfig& config, const Options& options)
    : pool_(options.threads),
      weights_(tensors, config, pool_),
      most_rows_(rows_of(config)),
      cache_(config, options.kv,
             static_cast<std::int32_t>(blocks_of(std::max(options.longest, most_rows_)))),
      transformer_(weights_, cache_, pool_, most_rows_),
      blocks_(static_cast<std::size_t>(cache_.blocks())) {
  std::iota(blocks_.begin(), blocks_.end(), 0);
}

bool Scorer::run(std::span<const ScoredSequence> sequences,
                 const std::function<bool(std::span<const ScoredRow>)>& take) {
  // As many neighbours together as the cache holds.
  for (std::size_t from = 0; from < sequences.size();) {
    std::size_t to = from;
    std::int64_t blocks = 0;
    while (to < sequences.size()) {
      const std::int64_t more = blocks_of(length(sequences[to]));
      check(more > 0 && more <= cache_.blocks(), "a sequence of 1 to `longest` tokens");
      if (blocks + more > cache_.blocks()) break;
      blocks += more;
      ++to;
    }
    if (!run_group(sequences.subspan(from, to - from), from, take)) return false;
    from = to;
  }
  return true;
}

// All tokens of the group, one sequence after the other, cut into batches of most_rows_.
bool Scorer::run_group(std::span<const ScoredSequence> group, std::size_t number,
                       const std::function<bool(std::span<const ScoredRow>)>& take) {
  const auto vocab = static_cast<std::size_t>(weights_.config().vocab);
  std::vector<std::int32_t> tokens, wanted;
  std::vector<Sequence> pieces;
  std::vector<ScoredRow> rows;
  const auto flush = [&] {
    logits_.resize(wanted.size() * vocab);
    transformer_.forward({tokens, pieces, wanted}, logits_);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].logits = std::span<const float>(logits_).subspan(i * vocab, vocab);
    }
    const bool more = rows.empty() || take(rows);
    tokens.clear(), pieces.clear(), wanted.clear(), rows.clear();
    return more;
  };
  std::size_t first_block = 0;
  for (std::size_t s = 0; s < group.size(); ++s) {
    const auto count = static_cast<std::size_t>(blocks_of(length(group[s])));
    const auto own = std::span<const std::int32_t>(blocks_).subspan(first_block, count);
    first_block += count;
    for (std::int64_t done = 0; done < length(group[s]);) {
      const auto row = static_cast<std::int64_t>(tokens.size());
      const std::int64_t now = std::min(most_rows_ - row, length(group[s]) - done);
      pieces.push_back({.first_row = row, .rows = now, .context = done, .blocks = own});
      for (std::int64_t at = done; at < done + now; ++at) {
        if (at >= group[s].first) {
          wanted.push_back(static_cast<std::int32_t>(tokens.size()));
          rows.push_back({.sequence = number + s, .position = at, .logits = {}});
        }
        tokens.push_back(group[s].tokens[static_cast<std::size_t>(at)]);
      }
      done += now;
      if (static_cast<std::int64_t>(tokens.size()) == most_rows_ && !flush()) return false;
    }
  }
  return tokens.empty() || flush();
}

}  // namespace aisp::model
