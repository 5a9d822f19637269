// See cache_study.h.
#include "serve/cache_study.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "serve/prefix_index.h"

namespace aisp::serve {
namespace {

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

std::span<const std::int64_t> full_blocks(const RequestTrace& trace, const TracedRequest& request) {
  const auto full = static_cast<std::size_t>(request.prompt_tokens / trace.hash_tokens);
  return std::span(request.prefix).first(std::min(full, request.prefix.size()));
}

// What the trace holds, and the share that unlimited memory finds.
CacheReplay survey(const RequestTrace& trace) {
  if (trace.hash_tokens == 0) {
    throw Error("the trace does not say which prompts begin alike", "replay",
                "give one of Mooncake's");
  }
  CacheReplay result;
  std::unordered_set<std::int64_t> seen;
  std::int64_t ideal = 0;
  for (const TracedRequest& request : trace.requests) {
    bool all = true;
    for (const std::int64_t id : full_blocks(trace, request)) {
      all = !seen.insert(id).second && all;
      ideal += all;
      ++result.blocks;
    }
  }
  result.distinct = static_cast<std::int64_t>(seen.size());
  result.ideal =
      static_cast<double>(ideal) / static_cast<double>(std::max<std::int64_t>(1, result.blocks));
  return result;
}

std::size_t memory_of(const CacheReplay& survey, double share) {
  return std::max<std::size_t>(
      1, static_cast<std::size_t>(static_cast<double>(survey.distinct) * share));
}

double share_of(std::int64_t found, const CacheReplay& survey) {
  return static_cast<double>(found) / static_cast<double>(std::max<std::int64_t>(1, survey.blocks));
}

}  // namespace

CacheReplay replay_cache(const RequestTrace& trace, double memory_share, Eviction eviction) {
  CacheReplay result = survey(trace);
  const std::size_t memory = memory_of(result, memory_share);
  std::int64_t found = 0;
  PrefixIndex index(
      {.block_tokens = 1, .device_blocks = static_cast<int>(memory) + 1, .eviction = eviction});
  for (const TracedRequest& request : trace.requests) {
    NodeId node = kNoNode;
    bool all = true;
    // A path longer than the memory is cut: its end would push out its beginning.
    const std::span<const std::int64_t> path = full_blocks(trace, request);
    for (const std::int64_t id : path.first(std::min(path.size(), memory))) {
      const Token token = static_cast<Token>(id);
      NodeId child = index.find(0, node, {&token, 1});
      all = all && child != kNoNode;
      found += all;
      if (child == kNoNode) {
        if (index.nodes() == static_cast<int>(memory)) index.remove(index.device_victim());
        child = index.insert(0, node, {&token, 1}, kNoBlock);
      } else {
        index.count_use_of(child);
      }
      index.lock(child);
      index.unlock(node);
      node = child;
    }
    index.unlock(node);
  }
  result.found = share_of(found, result);
  return result;
}

CacheReplay clairvoyant_cache(const RequestTrace& trace, double memory_share) {
  CacheReplay result = survey(trace);
  const std::size_t memory = memory_of(result, memory_share);
  std::vector<std::int64_t> uses;
  for (const TracedRequest& request : trace.requests) {
    const auto path = full_blocks(trace, request);
    uses.insert(uses.end(), path.begin(), path.end());
  }
  std::vector<std::size_t> next_use(uses.size(), kNever);
  std::unordered_map<std::int64_t, std::size_t> later;
  for (std::size_t i = uses.size(); i-- > 0;) {
    const auto [place, first] = later.try_emplace(uses[i], i);
    if (!first) next_use[i] = std::exchange(place->second, i);
  }
  std::unordered_map<std::int64_t, std::size_t> kept;  // with its next use
  std::priority_queue<std::pair<std::size_t, std::int64_t>> last_needed;
  std::int64_t found = 0;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    found += static_cast<std::int64_t>(kept.erase(uses[i]));
    if (next_use[i] == kNever) continue;
    kept[uses[i]] = next_use[i];
    last_needed.emplace(next_use[i], uses[i]);
    if (kept.size() <= memory) continue;
    // Uses that have happened lie behind all that are to come, so the top is one of those.
    kept.erase(last_needed.top().second);
    last_needed.pop();
  }
  result.found = share_of(found, result);
  return result;
}

}  // namespace aisp::serve
