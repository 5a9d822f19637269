// Requests from bytes: in any pieces, within limits, and from whatever strangers send.
#include "front/request_reader.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/rng.h"

namespace aisp::front {
namespace {

using Stage = RequestReader::Stage;

Limits small() {
  Limits limits;
  limits.head_bytes = 512;
  limits.body_bytes = 256;
  return limits;
}

const char kPost[] =
    "POST /v1/completions?x=1 HTTP/1.1\r\nHost: a\r\nX-Thing: one\r\nContent-Length: "
    "5\r\n\r\nhello";

TEST(RequestReader, ReadsARequestInAnyPieces) {
  const std::string bytes = kPost;
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    RequestReader reader(small());
    for (std::size_t at = 0; at < bytes.size(); at += piece) reader.feed(bytes.substr(at, piece));
    ASSERT_EQ(reader.stage(), Stage::kWhole) << piece;
    const HttpRequest request = reader.take();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/v1/completions?x=1");
    EXPECT_EQ(request.path(), "/v1/completions");
    EXPECT_EQ(request.header("x-thing"), "one");
    EXPECT_EQ(request.header("absent"), "");
    EXPECT_EQ(request.body, "hello");
    EXPECT_TRUE(request.keep_alive);
    EXPECT_EQ(reader.stage(), Stage::kIdle);
  }
}

TEST(RequestReader, ReadsChunksAndRequestsThatFollow) {
  RequestReader reader(small());
  reader.feed(
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
      "\r\nGET /b HTTP/1.0\r\n\r\nGET /c HT");
  ASSERT_EQ(reader.stage(), Stage::kWhole);
  EXPECT_EQ(reader.take().body, "abcde");
  ASSERT_EQ(reader.stage(), Stage::kWhole);
  const HttpRequest second = reader.take();
  EXPECT_EQ(second.target, "/b");
  EXPECT_FALSE(second.keep_alive);
  EXPECT_FALSE(second.chunks);
  EXPECT_EQ(reader.stage(), Stage::kHead);
}

TEST(RequestReader, SaysWhatItKnowsBeforeTheBody) {
  RequestReader reader(small());
  reader.feed("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\nabc");
  ASSERT_EQ(reader.stage(), Stage::kBody);
  EXPECT_EQ(reader.head().method, "POST");
  EXPECT_EQ(reader.body_bytes(), 9u);
  EXPECT_EQ(reader.body_so_far(), 3u);
  EXPECT_TRUE(reader.wants_continue());
  EXPECT_FALSE(reader.wants_continue());
}

TEST(RequestReader, RefusesWhatIsTooLargeOrNoHttp) {
  const std::string long_header = "X: " + std::string(600, 'a') + "\r\n\r\n";
  const std::pair<std::string, int> cases[] = {
      {"GET / HTTP/1.1\r\n" + long_header, 431},
      {"GET /" + std::string(600, 'a'), 431},
      {"POST / HTTP/1.1\r\nContent-Length: 257\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n200\r\n" + std::string(512, 'a'), 413},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(600, '1'), 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(600, 'x'), 400},
      {"hello\r\n\r\n", 400},
      {"GET / HTTP/3.7\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400},
      // One of the two lengths is a lie: which one decides what the next request is.
      {"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\nhello", 400},
      {std::string("GET /\0 HTTP/1.1\r\n\r\n", 19), 400}};
  for (const auto& [bytes, status] : cases) {
    RequestReader reader(small());
    for (const char c : bytes) reader.feed({&c, 1});
    EXPECT_EQ(reader.stage(), Stage::kError) << bytes.substr(0, 90);
    EXPECT_EQ(reader.error().status, status) << bytes.substr(0, 90) << reader.error().why;
    EXPECT_EQ(reader.feed(kPost), Stage::kError) << "an error is the end";
  }
}

// AISP_FUZZ_RUNS: runs (2,000; a million is a night).
TEST(RequestReader, TakesAnyBytes) {
  const char* given = std::getenv("AISP_FUZZ_RUNS");
  const std::uint64_t runs = given == nullptr ? 2000 : std::strtoull(given, nullptr, 10);
  const std::string seeds[] = {
      kPost, "GET /metrics HTTP/1.1\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n",
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: x\r\n\r\n"};
  const std::string words[] = {"\r\n",
                               "\n",
                               ": ",
                               "Content-Length: 3\r\n",
                               "\r\n\r\n",
                               " ",
                               "\t",
                               "Transfer-Encoding: chunked\r\n",
                               "Expect: 100-continue\r\n",
                               ",",
                               "HTTP/1.0",
                               "ffffffffffffffff",
                               "0\r\n\r\n",
                               "\r\n folded",
                               "gzip"};
  std::uint64_t whole = 0, errors = 0;
  for (std::uint64_t run = 0; run < runs; ++run) {
    Rng rng(derive_seed(7, run));
    std::string bytes = seeds[rng.below(3)] + seeds[rng.below(3)];
    for (std::uint64_t edits = rng.below(5); edits > 0; --edits) {
      const std::size_t at = rng.below(bytes.size() + 1);
      switch (rng.below(3)) {
        case 0:
          bytes.insert(at, words[rng.below(std::size(words))]);
          break;
        case 1:
          bytes.erase(at, rng.below(8));
          break;
        default:
          if (at < bytes.size()) bytes[at] = static_cast<char>(rng.next());
      }
    }
    RequestReader reader(small());
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t piece = std::min<std::size_t>(1 + rng.below(60), bytes.size() - at);
      reader.feed(std::string_view(bytes).substr(at, piece));
      at += piece;
      while (reader.stage() == Stage::kWhole) {
        const HttpRequest request = reader.take();
        ASSERT_LE(request.body.size(), 256u) << "run " << run;
        ++whole;
      }
      ASSERT_LE(reader.unread(), 1024u) << "run " << run;
    }
    errors += reader.stage() == Stage::kError;
  }
  EXPECT_GT(whole, runs / 2) << "most mutations are still requests";
  EXPECT_GT(errors, runs / 10);
}

}  // namespace
}  // namespace aisp::front
