// The tree of cached prefixes: matches, locks, eviction in leaf order, the two tiers; and a random
// walk beside a map that knows every prefix by its text.
#include "serve/prefix_index.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/rng.h"

namespace aisp::serve {
namespace {

using Tokens = std::vector<Token>;

PrefixIndex::Size small() {
  return {.block_tokens = 2, .device_blocks = 8, .eviction = Eviction::kLastUse};
}

TEST(PrefixIndex, FindsTheLongestPrefix) {
  PrefixIndex index(small());
  const NodeId a = index.insert(0, kNoNode, Tokens{1, 2}, 0);
  const NodeId b = index.insert(0, a, Tokens{3, 4}, 1);
  const auto whole = index.match(0, Tokens{1, 2, 3, 4, 5});
  EXPECT_EQ(whole.node, b);
  EXPECT_EQ(whole.blocks, 2);
  EXPECT_EQ(whole.on_device_unlocked, 2);
  const auto part = index.match(0, Tokens{1, 2, 3, 9});
  EXPECT_EQ(part.node, a);
  EXPECT_EQ(part.partial, b);
  EXPECT_EQ(part.partial_tokens, 1);
  EXPECT_EQ(index.match(1, Tokens{1, 2}).node, kNoNode);  // another domain shares nothing
  EXPECT_EQ(index.match(1, Tokens{1, 2}).partial, kNoNode);
  index.check_integrity();
}

TEST(PrefixIndex, EvictsUnlockedLeavesOldestFirst) {
  PrefixIndex index(small());
  const NodeId a = index.insert(0, kNoNode, Tokens{1, 1}, 0);
  const NodeId b = index.insert(0, a, Tokens{2, 2}, 1);
  const NodeId c = index.insert(0, kNoNode, Tokens{3, 3}, 2);
  EXPECT_EQ(index.evictable(), 3);
  index.lock(b);
  EXPECT_EQ(index.evictable(), 1);
  EXPECT_EQ(index.device_victim(), c);
  index.unlock(b);
  EXPECT_EQ(index.device_victim(), c);
  index.remove(c);
  EXPECT_EQ(index.device_victim(), b);  // a is older, but b hangs on it
  index.remove(b);
  EXPECT_EQ(index.device_victim(), a);
  index.check_integrity();
}

TEST(PrefixIndex, MovesToTheHostAndBack) {
  auto size = small();
  size.host_blocks = 4;
  PrefixIndex index(size);
  const NodeId a = index.insert(0, kNoNode, Tokens{1, 1}, 0);
  const NodeId b = index.insert(0, a, Tokens{2, 2}, 1);
  index.demote(b, 0);
  EXPECT_EQ(index.device_victim(), a);
  EXPECT_EQ(index.host_victim(), b);
  index.demote(a, 1);
  EXPECT_EQ(index.host_victim(), b);
  const auto match = index.match(0, Tokens{1, 1, 2, 2});
  EXPECT_EQ(match.blocks, 2);
  EXPECT_EQ(match.on_device, 0);
  index.lock(b);
  EXPECT_EQ(index.host_victim(), kNoNode);
  index.promote(a, 5);
  index.promote(b, 6);
  EXPECT_EQ(index.evictable(), 0);
  index.unlock(b);
  EXPECT_EQ(index.evictable(), 2);
  index.check_integrity();
}

// 200,000 operations on a tiny alphabet, so that everything collides with everything.
TEST(PrefixIndex, AgreesWithAMap) {
  auto size = small();
  size.device_blocks = 24;
  for (const Eviction eviction : {Eviction::kLastUse, Eviction::kFrequency}) {
    size.eviction = eviction;
    PrefixIndex index(size);
    std::map<Tokens, NodeId> known;
    std::multiset<NodeId> locks;
    Rng rng(7);
    for (int step = 0; step < 60'000; ++step) {
      Tokens tokens(2 * (1 + rng.below(4)));
      for (Token& token : tokens) token = static_cast<Token>(rng.below(2));
      const auto match = index.match(0, tokens);
      Tokens prefix = tokens;
      while (!prefix.empty() && !known.contains(prefix)) prefix.resize(prefix.size() - 2);
      ASSERT_EQ(match.blocks * 2, static_cast<int>(prefix.size()));
      ASSERT_EQ(match.node, prefix.empty() ? kNoNode : known.at(prefix));
      const std::uint64_t what = rng.below(4);
      if (what == 0 && match.blocks * 2 < static_cast<int>(tokens.size()) &&
          index.nodes() < size.device_blocks) {
        prefix.assign(tokens.begin(), tokens.begin() + match.blocks * 2 + 2);
        const std::span<const Token> block(prefix.data() + prefix.size() - 2, 2);
        known[prefix] = index.insert(0, match.node, block, 0);
      } else if (what == 1 && match.node != kNoNode && locks.size() < 6) {
        index.count_use(match.node);
        index.lock(match.node);
        locks.insert(match.node);
      } else if (what == 2 && !locks.empty()) {
        index.unlock(*locks.begin());
        locks.erase(locks.begin());
      } else if (what == 3 && index.device_victim() != kNoNode) {
        const NodeId victim = index.device_victim();
        ASSERT_FALSE(locks.contains(victim));
        std::erase_if(known, [&](const auto& entry) { return entry.second == victim; });
        index.remove(victim);
      }
      if (step % 64 == 0) index.check_integrity();
    }
  }
}

}  // namespace
}  // namespace aisp::serve
