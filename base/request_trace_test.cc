// The three public formats as they are published, and what strangers may send instead.
#include "base/request_trace.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/rng.h"

namespace aisp {
namespace {

constexpr const char* kAzure =
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 23:59:59.9799600,4808,10\r\n"
    "2023-11-17 00:00:00.4799600,3180,8\r\n";
constexpr const char* kBurst =
    "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "5,1,2.5,ChatGPT,472,18,490,Conversation log\n"
    "45,2,1.0,GPT-4,1087,0,1087,API log\n"
    "118,1,3.0,ChatGPT,417,276,693,Conversation log\n";
constexpr const char* kMooncake =
    R"({"timestamp": 0, "input_length": 1300, "output_length": 500, "hash_ids": [0, 1, 2]})"
    "\n"
    R"({"timestamp": 2500, "input_length": 7, "output_length": 3, "hash_ids": [0]})"
    "\n";

TEST(RequestTrace, ReadsAzure) {
  const RequestTrace trace = parse_request_trace(kAzure, "t");
  ASSERT_EQ(trace.requests.size(), 2u);
  EXPECT_EQ(trace.format, RequestTrace::Format::kAzure);
  EXPECT_EQ(trace.requests[0].prompt_tokens, 4808);
  EXPECT_EQ(trace.requests[0].arrival_s, 0.0);
  EXPECT_NEAR(trace.requests[1].arrival_s, 0.5, 1e-6);  // over midnight
  EXPECT_EQ(trace.requests[1].output_tokens, 8);
}

TEST(RequestTrace, ReadsBurstGpt) {
  const RequestTrace trace = parse_request_trace(kBurst, "t");
  ASSERT_EQ(trace.requests.size(), 2u);
  EXPECT_EQ(trace.skipped, 1);  // answered with nothing: it failed
  EXPECT_EQ(trace.requests[1].arrival_s, 113.0);
  EXPECT_EQ(trace.requests[1].output_tokens, 276);
  EXPECT_EQ(parse_request_trace("Timestamp,Model,Request tokens,Response tokens,Total tokens,"
                                "Log Type\n5,ChatGPT,472,18,490,API log\n",
                                "t")
                .requests[0]
                .prompt_tokens,
            472);
}

TEST(RequestTrace, ReadsMooncake) {
  const RequestTrace trace = parse_request_trace(kMooncake, "t");
  ASSERT_EQ(trace.requests.size(), 2u);
  EXPECT_EQ(trace.hash_tokens, 512);
  EXPECT_EQ(trace.requests[0].prefix, (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(trace.requests[1].arrival_s, 2.5);
}

TEST(RequestTrace, RefusesTheRestInOneLine) {
  const std::string azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  const std::pair<std::string, std::string> cases[] = {
      {"", "t:1: the trace is empty"},
      {"hello\n", "there is no column \"Timestamp\""},
      {azure, "has no request"},
      {azure + "2023-11-16 18:17:03,1\n", "t:2: the line has not as many fields"},
      {azure + "2023-11-16 18:17:03,1,2\nyesterday,1,2\n", "t:3: \"yesterday\" is no date"},
      {azure + "2023-11-16 18:17:03,-1,2\n", "whole number"},
      {azure + "2023-11-16 18:17:03,1e99,2\n", "whole number"},
      {azure + "2023-11-16 18:17:03,many,2\n", "\"many\" is no number of tokens"},
      {"Timestamp,Timestamp\n", "two columns have one name"},
      {"{\"timestamp\": 0}\n", "no number \"input_length\""},
      {"{\n", "no JSON object"},
      {R"({"timestamp":0,"input_length":9,"output_length":1,"hash_ids":[1,2]})", "\"hash_ids\""},
      {R"({"timestamp":0,"input_length":9,"output_length":1,"hash_ids":["a"]})", "whole numbers"},
      {R"({"timestamp":-1,"input_length":9,"output_length":1})", "milliseconds"}};
  for (const auto& [text, says] : cases) {
    try {
      parse_request_trace(text, "t");
      ADD_FAILURE() << "accepted: " << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(says), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(read_request_trace("/nowhere/trace.csv"), Error);
}

// Whatever the bytes: a trace or an Error, never anything else.
TEST(RequestTrace, SurvivesMutations) {
  Rng rng(5);
  int accepted = 0;
  for (int round = 0; round < 30'000; ++round) {
    const char* const seeds[] = {kAzure, kBurst, kMooncake};
    std::string text = seeds[rng.below(3)];
    for (std::uint64_t n = 1 + rng.below(4); n > 0; --n) {
      const std::size_t at = rng.below(text.size());
      switch (rng.below(4)) {
        case 0:
          text[at] = static_cast<char>(rng.below(256));
          break;
        case 1:
          text.erase(at, rng.below(8));
          break;
        case 2:
          text.insert(at, 1, "0123456789,\n\"{}[]-e."[rng.below(20)]);
          break;
        default:
          text.insert(at, text.substr(rng.below(text.size()), rng.below(20)));
      }
      if (text.empty()) text = "x";
    }
    try {
      const RequestTrace trace = parse_request_trace(text, "t");
      ASSERT_FALSE(trace.requests.empty());
      ++accepted;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace aisp
