// Every tier is right at smoke and ragged sizes and changes no bit; a tier saves what the lab says
// it saves, counted in tokens; a block that comes back as another one is noticed; what was sent to
// the disk is not in memory any more.
#include <gtest/gtest.h>

#include <algorithm>

#include "bench/memory.h"
#include "bench/verify.h"
#include "labs/ch15_disaggregated_inference/kv_cache_tiers/problem.h"

namespace aisp::labs::ch15::kv_cache_tiers {

bench::Lab describe();

namespace {

TEST(KvCacheTiers, EveryTechniqueIsRight) {
  EXPECT_EQ(bench::check_all_techniques(describe()), "");
}

TEST(KvCacheTiers, TheTierDoesNotChangeASingleBit) {
  const bench::Lab lab = describe();
  for (const bench::Case& one : lab.cases) {
    EXPECT_EQ(bench::differing_bits(lab, one.smoke), "") << one.name;
  }
}

/// A tier in memory whose blocks lie `shift` further when they are read.
recorded::HostBlocks shifted(const State& state, std::int64_t shift) {
  const std::size_t bytes = state.block_bytes();
  const auto all = static_cast<std::size_t>(state.all_blocks());
  auto memory = std::make_shared<std::vector<std::byte>>(all * bytes);
  return {.store =
              [memory, bytes](serve::BlockId id, std::span<const std::byte> from) {
                std::ranges::copy(from, memory->begin() + id * static_cast<std::int64_t>(bytes));
              },
          .load =
              [memory, bytes, all, shift](serve::BlockId id, std::span<std::byte> to) {
                const std::size_t from = static_cast<std::size_t>(id + shift) % all * bytes;
                std::ranges::copy(std::span(*memory).subspan(from, bytes), to.begin());
              }};
}

bench::Technique with_shift(std::int64_t shift) {
  bench::Technique technique = ram_tier();
  technique.name = "cheat";
  technique.plan = [shift](const bench::Params& params) {
    auto state = std::make_shared<State>(params);
    return bench::plan_of([state, host = shifted(*state, shift)](const bench::Io& io) {
      serve_turns(*state, io, &host);
    });
  };
  return technique;
}

TEST(KvCacheTiers, AnotherConversationsBlockIsNoticed) {
  const bench::Lab lab = describe();
  EXPECT_EQ(bench::run_and_check(lab, lab.cases[0].smoke, with_shift(0), 3), "");
  EXPECT_NE(bench::run_and_check(lab, lab.cases[0].smoke, with_shift(1), 3), "");
}

TEST(KvCacheTiers, ATierSavesTheTokensOfFullBlocks) {
  const bench::Lab lab = describe();
  const bench::Params size = lab.cases[0].smoke;
  bench::InputSet set(lab.problem(size), "/tmp");
  set.fill(lab, size, 5);
  State state(size);
  const serve::Counters again = serve_turns(state, set.io(), nullptr);
  const recorded::HostBlocks host = shifted(state, 0);
  const serve::Counters tier = serve_turns(state, set.io(), &host);
  EXPECT_EQ(again.from_host, 0u);
  // Three conversations of 70 tokens that come back twice: most of their full blocks are away.
  EXPECT_GE(tier.from_host, 3u);
  EXPECT_GE(tier.cached_tokens, again.cached_tokens + 3 * 32);
  EXPECT_LT(tier.prompt_tokens, again.prompt_tokens);
}

TEST(KvCacheTiers, BlocksComeBackFromTheDisk) {
  if (const auto why = no_disk_for_temporary_files(); !why.empty()) GTEST_SKIP() << why;
  const MappedBlocks file(3, 5000);
  for (serve::BlockId id = 0; id < 3; ++id) {
    std::ranges::fill(file.block(id), static_cast<std::byte>(id + 1));
  }
  file.to_disk();  // throws when it stays in memory
  for (serve::BlockId id = 0; id < 3; ++id) {
    EXPECT_EQ(file.block(id).size(), 8192u);
    EXPECT_EQ(std::ranges::count(file.block(id), static_cast<std::byte>(id + 1)), 8192);
  }
}

}  // namespace
}  // namespace aisp::labs::ch15::kv_cache_tiers
