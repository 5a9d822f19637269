// Answers of servers as bytes: whole, in pieces of every size, and as hostile servers send them.
#include "load/response_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/rng.h"
#include "load/stream_event.h"

namespace aisp::load {
namespace {

constexpr const char* kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n";

std::string chunked(std::initializer_list<std::string> parts) {
  std::string out = std::string(kHead) + "Transfer-Encoding: chunked\r\n\r\n";
  for (const std::string& part : parts) out += fmt::format("{:x}\r\n{}\r\n", part.size(), part);
  return out + "0\r\n\r\n";
}

std::string word(const std::string& text) {
  return "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"text\":\"" + text +
         "\",\"logprobs\":null,\"finish_reason\":null}]}\n\n";
}

const std::string kFinish =
    "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,"
    "\"prompt_tokens_details\":{\"cached_tokens\":8}}}\n\n";
const std::string kDone = "data: [DONE]\n\n";

struct Read {
  std::vector<std::string> texts;
  ResponseReader reader;
  Outcome outcome() const { return reader.end().outcome; }
};

Read read(std::string_view bytes, std::size_t piece = 1 << 20, bool closed = false) {
  Read result;
  const auto on_text = [&](std::string_view text) { result.texts.emplace_back(text); };
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    result.reader.put(bytes.substr(at, piece), on_text);
  }
  if (closed) result.reader.end_of_bytes(on_text);
  return result;
}

TEST(ResponseReader, ReadsAStreamInPiecesOfEverySize) {
  const std::string bytes =
      chunked({word("one"), ": a comment\r\n\r\n" + word("two") + word("three"), kFinish + kDone});
  for (std::size_t piece = 1; piece < bytes.size() + 1; ++piece) {
    const Read got = read(bytes, piece);
    ASSERT_EQ(got.outcome(), Outcome::kAnswered) << piece << got.reader.message();
    EXPECT_EQ(got.texts, (std::vector<std::string>{"one", "two", "three"}));
    EXPECT_EQ(got.reader.end().prompt_tokens, 12);
    EXPECT_EQ(got.reader.end().answer_tokens, 3);
    EXPECT_EQ(got.reader.end().cached_tokens, 8);
    EXPECT_TRUE(got.reader.reusable());
  }
}

TEST(ResponseReader, ReadsOtherFormsOfTheSame) {
  const std::string chat =
      "event: message\r\ndata:{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}"
      "\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\r\n\r\n"
      "data:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}";
  const Read until_closed = read(std::string(kHead) + "\r\n" + chat, 7, true);
  EXPECT_EQ(until_closed.outcome(), Outcome::kAnswered);
  EXPECT_EQ(until_closed.texts, std::vector<std::string>{"hi"});
  EXPECT_FALSE(until_closed.reader.reusable());
  const Read with_length =
      read(fmt::format("{}Content-Length: {}\r\n\r\n{}", kHead, chat.size(), chat));
  EXPECT_EQ(with_length.outcome(), Outcome::kAnswered);
  EXPECT_EQ(with_length.reader.end().answer_tokens, -1) << "no usage was said";
}

TEST(ResponseReader, TellsKindsOfFailureApart) {
  const std::string json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
  const std::vector<std::tuple<std::string, Outcome, bool>> cases = {
      {"HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy",
       Outcome::kTooManyRequests, true},
      {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", Outcome::kUnavailable, true},
      {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", Outcome::kOtherStatus, true},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Outcome::kNotAStream, true},
      {json + "Content-Length: 2\r\n\r\n{}", Outcome::kNotAStream, true},
      {chunked({word("one"), "data: {\"error\":{\"message\":\"out of memory\"}}\n\n"}),
       Outcome::kServerError, true},
      {chunked({word("one"), "data: {\"error\":\"bad\"}\n\n"}), Outcome::kServerError, true},
      {chunked({word("one"), "data: hello\n\n"}), Outcome::kBroken, false},
      {chunked({word("one")}), Outcome::kClosedEarly, true},  // whole, but no end of the answer
      {"HTTP/1.1 500 No\r\nContent-Length: 99999999\r\n\r\n" + std::string(20'000, 'e'),
       Outcome::kOtherStatus, false},
      {"hello\r\n\r\n", Outcome::kBroken, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n", Outcome::kBroken, false},
      {std::string(kHead) + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", Outcome::kBroken, false},
      {"HTTP/1.1 200 OK\r\nA: " + std::string(20'000, 'a'), Outcome::kBroken, false},
      {std::string(kHead) + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(40'000, 'a'),
       Outcome::kBroken, false},
      {chunked({"data: " + std::string(70'000, 'a')}), Outcome::kBroken, false},
      {chunked({std::string(70'000, 'a')}), Outcome::kBroken, false}};
  for (const auto& [bytes, outcome, whole] : cases) {
    for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{611}, std::size_t{1}}) {
      const Read got = read(bytes, piece);
      EXPECT_EQ(got.outcome(), outcome) << bytes.substr(0, 90) << " in pieces of " << piece;
      EXPECT_TRUE(got.reader.answered()) << bytes.substr(0, 90);
      EXPECT_EQ(got.reader.complete(), whole) << bytes.substr(0, 90);
    }
  }
  EXPECT_EQ(read(std::get<0>(cases[0])).reader.end().retry_after_s, 3.0);
  EXPECT_EQ(read(std::get<0>(cases[0])).reader.message(), "busy");
  EXPECT_EQ(read(std::get<0>(cases[5])).reader.message(), "out of memory");
}

TEST(ResponseReader, AConnectionThatEndsEarlyIsSeen) {
  const std::string whole = chunked({word("one"), word("two"), kFinish, kDone});
  const std::size_t done = whole.find("[DONE]");
  for (std::size_t end = 0; end < whole.size(); end += 3) {
    const Read got = read(whole.substr(0, end), 64, true);
    if (end < done) {
      EXPECT_EQ(got.outcome(), Outcome::kClosedEarly) << end;
    }
    EXPECT_FALSE(got.reader.reusable());
  }
}

TEST(StreamEvent, BoundsDepthAndNumbers) {
  StreamEvent event;
  EXPECT_TRUE(read_stream_event("{}", event));
  for (const char* bad : {"", "[]", "3", "null", "\"a\"", "{", "{\"a\":}", "true"}) {
    EXPECT_FALSE(read_stream_event(bad, event)) << bad;
  }
  std::string deep;
  for (int i = 0; i < 20'000; ++i) deep += "{\"a\":[";
  EXPECT_FALSE(read_stream_event(deep, event));
  const char* odd =
      "{\"usage\":{\"prompt_tokens\":-4,\"completion_tokens\":99999999999999999999},\"choices\":"
      "{\"text\":\"not in a list\"}}";
  EXPECT_TRUE(read_stream_event(odd, event));
  EXPECT_EQ(event.prompt_tokens, -1);
  EXPECT_EQ(event.answer_tokens, -1);
  EXPECT_EQ(event.text, "");
}

// Bytes changed, cut, doubled and moved: nothing may crash, hang or keep what it should not. A
// million with AISP_LOAD_FUZZ=1000000.
TEST(ResponseReader, SurvivesWhatServersMaySend) {
  const char* asked = std::getenv("AISP_LOAD_FUZZ");
  const int rounds = asked != nullptr ? std::atoi(asked) : 20'000;
  const std::string seeds[] = {
      chunked({word("one"), word("two") + kFinish, kDone}),
      std::string(kHead) + "Content-Length: 200\r\n\r\n" + word("a") + kFinish,
      "HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy"};
  Rng rng(17);
  int answered = 0, broken = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = seeds[rng.below(3)];
    for (std::uint64_t change = rng.below(6); change-- > 0 && !bytes.empty();) {
      const std::size_t at = rng.below(bytes.size());
      const std::size_t size = rng.below(40);
      const std::uint64_t kind = rng.below(4);
      if (kind == 0) bytes[at] = static_cast<char>(rng.next());
      if (kind == 1) bytes.erase(at, size);
      if (kind == 2) bytes.insert(rng.below(bytes.size()), bytes.substr(at, size));
      if (kind == 3) bytes.insert(at, std::string(size, "{[\"\r\n: 0a"[rng.below(10)]));
    }
    const Read got = read(bytes, 1 + rng.below(80), rng.below(2) == 0);
    answered += got.outcome() == Outcome::kAnswered;
    broken += got.outcome() == Outcome::kBroken;
    std::size_t text = 0;
    for (const std::string& one : got.texts) text += one.size();
    ASSERT_LE(text, bytes.size());
  }
  EXPECT_GT(answered, rounds / 50);
  EXPECT_GT(broken, rounds / 50);
}

}  // namespace
}  // namespace aisp::load
