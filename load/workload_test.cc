// What is drawn: means, bursts, lengths, what begins alike, and the same seed twice.
#include "load/workload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace aisp::load {
namespace {

struct Moments {
  double mean = 0.0, variation = 0.0;  // standard deviation over mean
};

Moments moments_of(const Gaps& gaps, int count) {
  Rng rng(11);
  double sum = 0.0, squares = 0.0;
  for (int i = 0; i < count; ++i) {
    const double gap = gaps.draw(rng);
    EXPECT_GE(gap, 0.0);
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / count;
  return {mean, std::sqrt(squares / count - mean * mean) / mean};
}

TEST(Arrivals, HaveTheirMeanAndTheirBursts) {
  constexpr int kCount = 50'000;
  for (const double shape : {0.25, 0.5, 1.0, 2.0, 8.0}) {
    const Moments moments = moments_of({Gaps::Kind::kGamma, 4.0, shape}, kCount);
    // The variation of a Gamma distribution is 1 / sqrt(shape); five standard errors of the mean.
    const double variation = 1.0 / std::sqrt(shape);
    EXPECT_NEAR(moments.mean, 0.25, 5.0 * 0.25 * variation / std::sqrt(kCount)) << shape;
    EXPECT_NEAR(moments.variation, variation, 0.05 * variation) << shape;
  }
  EXPECT_EQ(moments_of({Gaps::Kind::kConstant, 4.0}, 10).mean, 0.25);
}

TEST(Lengths, AreReadAndDrawn) {
  Rng rng(3);
  EXPECT_EQ(parse_lengths("128", "x").draw(rng), 128);
  const Lengths uniform = parse_lengths("10-20", "x");
  double sum = 0.0;
  for (int i = 0; i < 20'000; ++i) {
    const int length = uniform.draw(rng);
    ASSERT_TRUE(length >= 10 && length <= 20);
    sum += length;
  }
  EXPECT_NEAR(sum / 20'000, 15.0, 5 * 3.2 / std::sqrt(20'000));
  const Lengths skewed = parse_lengths("200~100", "x");
  double total = 0.0;
  for (int i = 0; i < 20'000; ++i) total += skewed.draw(rng);
  EXPECT_NEAR(total / 20'000, 200.0, 5 * 100 / std::sqrt(20'000) + 0.5);
  for (const char* bad : {"", "0", "-5", "20-10", "a", "5-", "5~", "5~0", "1.5e9", "nan", "4-x"}) {
    EXPECT_THROW(parse_lengths(bad, "--prompt-tokens"), UsageError) << bad;
  }
}

TEST(Workload, TheSameSeedGivesTheSameRequests) {
  WorkloadOptions options;
  options.prompt = {Lengths::Kind::kUniform, 5, 50};
  Workload a(options), b(options);
  options.seed = 2;
  Workload other(options);
  for (int i = 0; i < 50; ++i) {
    const Request first = *a.next(), second = *b.next(), third = *other.next();
    EXPECT_EQ(first.due_s, second.due_s);
    EXPECT_EQ(first.prompt[0].tokens, second.prompt[0].tokens);
    EXPECT_NE(first.prompt[0].tokens, third.prompt[0].tokens);
    EXPECT_EQ(static_cast<int>(first.prompt[0].tokens.size()), first.prompt_tokens);
  }
}

TEST(Workload, AShareOfPromptsBeginsAlike) {
  WorkloadOptions options;
  options.prompt.a = 64;
  options.shared_prefix = 32;
  options.shared_share = 0.5;
  Workload workload(options);
  std::vector<std::vector<std::int32_t>> begins;
  for (int i = 0; i < 1000; ++i) {
    const Request request = *workload.next();
    begins.emplace_back(request.prompt[0].tokens.begin(), request.prompt[0].tokens.begin() + 32);
    EXPECT_EQ(request.prompt_tokens, 64);
  }
  std::ranges::sort(begins);
  std::size_t most = 0, run = 0;
  for (std::size_t i = 1; i < begins.size(); ++i) {
    run = begins[i] == begins[i - 1] ? run + 1 : 0;
    most = std::max(most, run + 1);
  }
  EXPECT_NEAR(static_cast<double>(most), 500.0, 5 * std::sqrt(250.0));
}

std::shared_ptr<const RequestTrace> mooncake() {
  return std::make_shared<const RequestTrace>(parse_request_trace(
      R"({"timestamp": 0, "input_length": 1100, "output_length": 9, "hash_ids": [7, 8, 9]}
{"timestamp": 500, "input_length": 1500, "output_length": 32, "hash_ids": [7, 8, 10]}
{"timestamp": 2000, "input_length": 600, "output_length": 4, "hash_ids": [11, 8]}
)",
      "test"));
}

TEST(Workload, RecordedBlocksAreRealPrefixes) {
  WorkloadOptions options;
  options.trace = mooncake();
  options.scale_lengths = 0.125;
  options.gaps.rate = 2.0 * mean_rate(*options.trace);
  Workload workload(options);
  const Request a = *workload.next(), b = *workload.next(), c = *workload.next();
  EXPECT_FALSE(workload.next());
  EXPECT_DOUBLE_EQ(b.due_s, 0.25);  // twice as close together
  EXPECT_DOUBLE_EQ(c.due_s, 1.0);
  EXPECT_EQ(a.prompt_tokens, 138);
  EXPECT_EQ(b.answer_tokens, 4);
  const auto part = [](const Request& request, int from, int count) {
    const auto begin = request.prompt[0].tokens.begin() + from;
    return std::vector<std::int32_t>(begin, begin + count);
  };
  EXPECT_EQ(part(a, 0, 128), part(b, 0, 128));  // blocks 7 and 8, 64 tokens each
  EXPECT_NE(part(a, 128, 10), part(b, 128, 10));
  EXPECT_NE(part(a, 0, 64), part(c, 0, 64));
  EXPECT_EQ(static_cast<int>(c.prompt[0].tokens.size()), c.prompt_tokens);
}

TEST(Workload, BlocksReplayATraceInParts) {
  WorkloadOptions options;
  options.trace = mooncake();
  options.gaps.rate = 2.0 * mean_rate(*options.trace);
  options.trace_from_s = 0.2;  // of arrivals at 0, 0.25 and 1
  Workload workload(options);
  const Request b = *workload.next();
  EXPECT_NEAR(b.due_s, 0.05, 1e-12);
  EXPECT_EQ(b.prompt_tokens, 1500);
  EXPECT_NEAR(workload.next()->due_s, 0.8, 1e-12);
  EXPECT_FALSE(workload.next());
  const auto part = [&](double block_s, int block) {
    return trace_part_s(*options.trace, options.gaps.rate, block_s, block);
  };
  EXPECT_NEAR(part(0.4, 1), 0.4, 1e-12);
  EXPECT_NEAR(part(0.4, 2), 0.0, 1e-12);  // a third part would end behind the trace
  EXPECT_EQ(part(5.0, 3), 0.0);           // longer than the trace
}

}  // namespace
}  // namespace aisp::load
