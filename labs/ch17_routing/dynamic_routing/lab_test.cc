// Every technique chooses the same engines and finds the same blocks; caches matter in the lab's
// sizes; a router that forgets what it has sent is noticed.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch17_routing/dynamic_routing/block_map.h"

namespace aisp::labs::ch17::dynamic_routing {

bench::Lab describe();

namespace {

TEST(DynamicRouting, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(DynamicRouting, PrefixesAreFoundOnSeveralEngines) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[0].full;
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 5);
  one_map().plan(size)->run(set.io(), 1);
  const auto cached = set.io().out<std::int32_t>(kCached);
  const auto found = std::ranges::count_if(cached, [](std::int32_t blocks) { return blocks > 0; });
  EXPECT_GT(found, 350);
  EXPECT_LT(found, 505);
  std::vector<std::int32_t> engines(set.io().out<std::int32_t>(kEngine).begin(),
                                    set.io().out<std::int32_t>(kEngine).end());
  std::ranges::sort(engines);
  engines.erase(std::unique(engines.begin(), engines.end()), engines.end());
  EXPECT_EQ(engines.size(), 8u);
}

// The hash of a block covers every token of it, their order, and what was before.
TEST(DynamicRouting, EveryTokenIsInTheHash) {
  std::vector<std::int32_t> prompt(64);
  for (std::size_t i = 0; i < prompt.size(); ++i) prompt[i] = static_cast<std::int32_t>(i * 7);
  std::vector<std::uint64_t> right, hashes;
  BlockMap::hash(prompt, right);
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    for (const std::int32_t change : {1, 1 << 20}) {
      std::vector<std::int32_t> other = prompt;
      other[i] ^= change;
      BlockMap::hash(other, hashes);
      for (std::size_t b = 0; b < hashes.size(); ++b) {
        EXPECT_EQ(hashes[b] == right[b], b < i / kBlockTokens) << i;
      }
    }
    if (i == 0) continue;
    std::vector<std::int32_t> other = prompt;
    std::swap(other[i - 1], other[i]);
    BlockMap::hash(other, hashes);
    EXPECT_NE(hashes.back(), right.back());
  }
}

TEST(DynamicRouting, ARouterThatForgetsIsNoticed) {
  bench::Technique forgetful = one_map();
  forgetful.name = "cheat";
  forgetful.plan = [](const bench::Params& params) {
    return bench::plan_of([shape = Shape(params)](const bench::Io& io) {
      for (std::size_t i = 0; i < shape.requests; ++i) {
        io.out<std::int32_t>(kEngine)[i] = static_cast<std::int32_t>(i % shape.engines);
        io.out<std::int32_t>(kCached)[i] = 0;
      }
    });
  };
  const bench::Lab lab = describe();
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, forgetful, 3), "");
}

}  // namespace
}  // namespace aisp::labs::ch17::dynamic_routing
