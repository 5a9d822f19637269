// Replay of small made-up traces in the public formats: conversations whose prompts grow, and a
// burst that is more than the machine can take.
#include "serve/replay.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"
#include "serve/cache_study.h"

namespace aisp::serve {
namespace {

// 60 conversations of up to 6 turns: each prompt is the one before, and one to three blocks more.
RequestTrace conversations() {
  RequestTrace trace;
  trace.format = RequestTrace::Format::kMooncake;
  trace.hash_tokens = 512;
  Rng rng(3);
  std::int64_t next_block = 1;
  for (int conversation = 0; conversation < 60; ++conversation) {
    double at_s = 600.0 * rng.uniform();
    std::vector<std::int64_t> prefix = {0};
    for (std::uint64_t turn = 0; turn < 1 + rng.below(6); ++turn) {
      for (std::uint64_t n = 1 + rng.below(3); n > 0; --n) prefix.push_back(next_block++);
      const auto tokens = static_cast<std::int32_t>(prefix.size() * 512);
      trace.requests.push_back(
          {at_s, tokens, 64 + static_cast<std::int32_t>(rng.below(200)), prefix});
      at_s += 20.0 + 100.0 * rng.uniform();
    }
  }
  std::ranges::stable_sort(trace.requests, {}, &TracedRequest::arrival_s);
  return trace;
}

ReplayOptions small_machine() {
  ReplayOptions options;
  options.shrink = 8;
  options.config = {.slots = 400, .max_running = 32, .max_rows = 256, .device_blocks = 2000};
  return options;
}

TEST(Replay, AnswersEverythingAndFindsThePrefixes) {
  const RequestTrace trace = conversations();
  const ReplayOptions options = small_machine();
  const ReplayResult result = replay(trace, options);
  EXPECT_EQ(result.requests.size(), trace.requests.size());
  EXPECT_GT(result.ideal_tokens, result.prompt_tokens / 4);
  EXPECT_GT(result.cached_tokens, result.ideal_tokens * 9 / 10);  // memory for nearly all
  EXPECT_LE(result.cached_tokens, result.ideal_tokens + 16 * 400);
  const ReplayResult again = replay(trace, options);
  EXPECT_EQ(result.virtual_s, again.virtual_s);  // deterministic
  EXPECT_EQ(result.gaps_s, again.gaps_s);
}

TEST(Replay, RunningStreamsDoNotWaitForNeighboursPrompts) {
  const RequestTrace trace = conversations();
  const ReplayOptions options = small_machine();
  const ReplayResult result = replay(trace, options);
  std::vector<double> gaps(result.gaps_s.begin(), result.gaps_s.end());
  const double alone_s = options.config.time.seconds({.decode_rows = 1, .context_tokens = 500});
  EXPECT_GT(gaps.size(), 1000u);
  EXPECT_LT(quantile(gaps, 0.99), 2.1 * alone_s);
}

TEST(Replay, BeyondCapacityItRefusesInsteadOfCollapsing) {
  const RequestTrace trace = conversations();
  ReplayOptions options = small_machine();
  options.first_token_within_s = 5.0;
  const ReplayResult calm = replay(trace, options);
  options.speed = 50.0;
  const ReplayResult flood = replay(trace, options);
  EXPECT_GT(flood.refused + flood.late, 0);
  EXPECT_EQ(flood.requests.size() + static_cast<std::size_t>(flood.refused + flood.late),
            trace.requests.size());
  std::size_t in_time = 0;
  for (const ReplayedRequest& request : flood.requests) {
    in_time += request.first_token_s - request.arrival_s <= options.first_token_within_s;
  }
  EXPECT_GT(static_cast<double>(in_time), 0.9 * static_cast<double>(flood.requests.size()));
  EXPECT_GT(static_cast<double>(flood.output_tokens) / flood.virtual_s,
            static_cast<double>(calm.output_tokens) / calm.virtual_s);
}

// Questions without a common beginning, `rate` a second from `begin_s` to `end_s`.
void add_arrivals(RequestTrace& trace, double begin_s, double end_s, double rate) {
  for (double at_s = begin_s; at_s < end_s; at_s += 1.0 / rate) {
    trace.requests.push_back({at_s, 96, 24, {}});
  }
}

// A minute of ten times what the machine can do, and calm again. What is predicted to come just in
// time may come a step later: a step beside streams is two of a stream alone, 0.08 s.
TEST(Replay, IsWithinItsTermsFiveSecondsAfterAFlood) {
  constexpr double kWithinS = 1.0, kStepS = 0.08, kFloodS = 20.0, kCalmS = 80.0;
  ReplayOptions options;
  options.config = {.slots = 288, .max_running = 32, .max_rows = 256, .device_blocks = 2000};
  options.first_token_within_s = kWithinS;
  RequestTrace flood;
  add_arrivals(flood, 0.0, 20.0, 1000.0);
  const ReplayResult full = replay(flood, options);
  const double capacity = static_cast<double>(full.requests.size()) / full.virtual_s;
  RequestTrace trace;
  add_arrivals(trace, 0.0, kFloodS, 0.5 * capacity);
  add_arrivals(trace, kFloodS, kCalmS, 10.0 * capacity);
  add_arrivals(trace, kCalmS, kCalmS + 30.0, 0.5 * capacity);
  const ReplayResult result = replay(trace, options);
  const auto came = [&](double from_s, double to_s) {
    return std::ranges::count_if(trace.requests, [&](const TracedRequest& r) {
      return r.arrival_s >= from_s && r.arrival_s < to_s;
    });
  };
  const auto good = [&](double from_s, double to_s) {
    return std::ranges::count_if(result.requests, [&](const ReplayedRequest& r) {
      return r.arrival_s >= from_s && r.arrival_s < to_s &&
             r.first_token_s - r.arrival_s <= kWithinS + kStepS;
    });
  };
  EXPECT_EQ(good(0.0, kFloodS), came(0.0, kFloodS)) << "half of it is no effort";
  EXPECT_EQ(good(kCalmS + 5.0, 1e9), came(kCalmS + 5.0, 1e9)) << "nobody suffers later";
  const auto flooded = static_cast<double>(good(kFloodS, kCalmS));
  EXPECT_GT(flooded, 0.9 * capacity * (kCalmS - kFloodS)) << "it works at its capacity meanwhile";
  EXPECT_GT(result.refused, came(kFloodS, kCalmS) * 8 / 10);
}

TEST(Replay, RefusalsAreJudgedInHindsight) {
  const RequestTrace trace = conversations();
  ReplayOptions options = small_machine();
  options.first_token_within_s = 5.0;
  options.speed = 50.0;
  options.hindsight = true;
  const ReplayResult flood = replay(trace, options);
  EXPECT_GT(flood.refused, 10);
  EXPECT_LE(flood.wrongly_refused, flood.refused);
  EXPECT_GT(flood.wrongly_refused, 0);  // prefixes that come meanwhile are not foreseen
  // Looking into the future changes nothing of what happens.
  options.hindsight = false;
  EXPECT_EQ(replay(trace, options).virtual_s, flood.virtual_s);
  // Nobody can be in time who has less than a step: nothing is refused wrongly.
  options.hindsight = true;
  options.first_token_within_s = 0.03;
  const ReplayResult hopeless = replay(trace, options);
  EXPECT_EQ(hopeless.wrongly_refused, 0);
  EXPECT_EQ(hopeless.refused, static_cast<std::int64_t>(trace.requests.size()));
}

TEST(Replay, TinyMemoryStillAnswersEverything) {
  const RequestTrace trace = conversations();
  ReplayOptions options = small_machine();
  options.config.device_blocks = 160;
  options.speed = 4.0;
  const ReplayResult without = replay(trace, options);
  options.config.host_blocks = 2000;
  const ReplayResult with_host = replay(trace, options);
  EXPECT_EQ(without.requests.size(), trace.requests.size());
  EXPECT_EQ(with_host.requests.size(), trace.requests.size());
  EXPECT_GT(with_host.cached_tokens, without.cached_tokens);
  EXPECT_GT(with_host.counters.from_host, 0u);
}

TEST(CacheStudy, SharesLieBetweenNothingAndTheClairvoyant) {
  const RequestTrace trace = conversations();
  double before = 0.0, best_before = 0.0;
  for (const double share : {0.02, 0.1, 0.3, 1.0}) {
    const double best = clairvoyant_cache(trace, share).found;
    EXPECT_GE(best, best_before);
    for (const Eviction policy : {Eviction::kFrequency, Eviction::kLastUse}) {
      const CacheReplay cache = replay_cache(trace, share, policy);
      EXPECT_LE(cache.found, best);
      EXPECT_LE(best, cache.ideal);
      if (policy == Eviction::kLastUse) {
        EXPECT_GE(cache.found, before);
        before = cache.found;
      }
    }
    best_before = best;
  }
  EXPECT_DOUBLE_EQ(before, replay_cache(trace, 1.0, Eviction::kFrequency).ideal);
  EXPECT_DOUBLE_EQ(best_before, before);
  RequestTrace unknown = trace;
  unknown.hash_tokens = 0;
  EXPECT_THROW(replay_cache(unknown, 0.1, Eviction::kFrequency), Error);
  EXPECT_THROW(clairvoyant_cache(unknown, 0.1), Error);
}

// Two blocks of memory, worked out by hand: 1 and 2 return before 3, which is never kept.
TEST(CacheStudy, TheClairvoyantKeepsWhatReturnsFirst) {
  RequestTrace trace;
  trace.hash_tokens = 512;
  for (const std::int64_t block : {1, 2, 3, 1, 2, 4, 5, 3, 1}) {
    trace.requests.push_back({0.0, 512, 1, {block}});
  }
  const CacheReplay two = clairvoyant_cache(trace, 0.4);
  EXPECT_EQ(two.blocks, 9);
  EXPECT_EQ(two.distinct, 5);
  EXPECT_DOUBLE_EQ(two.found, 3.0 / 9.0);  // 1, 2, and then 1 at the end
  EXPECT_DOUBLE_EQ(two.ideal, 4.0 / 9.0);
  EXPECT_DOUBLE_EQ(clairvoyant_cache(trace, 0.6).found, 4.0 / 9.0);
}

}  // namespace
}  // namespace aisp::serve
