// The client against a server of known bytes and delays, over real sockets. Counts are exact; times
// are only bounded from below by what the server waited, and from above generously.
#include "load/http_target.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "load/driver.h"
#include "load/mock_server.h"
#include "load/probe.h"

namespace aisp::load {
namespace {

using Json = nlohmann::json;

WorkloadOptions constant(double rate, int answer = 4) {
  WorkloadOptions options;
  options.gaps = {Gaps::Kind::kConstant, rate};
  options.prompt.a = 16;
  options.answer.a = answer;
  return options;
}

DriveResult run(const MockServer& server, const WorkloadOptions& asked, const DrivePlan& plan,
                HttpTarget* with = nullptr) {
  HttpTarget own(server.url());
  Workload workload(asked);
  return drive(with != nullptr ? *with : own, workload, plan);
}

std::map<Outcome, int> outcomes(const DriveResult& result) {
  std::map<Outcome, int> counts;
  for (const Sample& sample : result.samples) ++counts[sample.outcome];
  return counts;
}

TEST(HttpTarget, KnownDelaysComeBack) {
  const MockServer server([](auto&, auto&, int) { return answer_script(6, 0.06, 0.02); });
  const DriveResult result = run(server, constant(40), {.requests = 40, .tail_s = 0});
  ASSERT_EQ(result.samples.size(), 40u);
  for (const Sample& sample : result.samples) {
    ASSERT_TRUE(sample.answered());
    EXPECT_EQ(sample.gaps_s.size(), 5u);
    EXPECT_EQ(sample.answer_tokens, 6);
    EXPECT_EQ(sample.prompt_tokens, 32);
    EXPECT_GE(sample.ttft_s(), 0.06);
    EXPECT_GE(sample.e2e_s(), 0.16);
    EXPECT_LT(sample.e2e_s(), 2.0);
    EXPECT_NEAR(sample.tpot_s(), (sample.e2e_s() - sample.ttft_s()) / 5, 1e-12);
  }
  EXPECT_EQ(server.requests(), 40);
  EXPECT_LT(server.connections(), 40) << "connections are used again";
}

// The whole server stands still for half a second: all that were due in it wait, and were sent.
TEST(HttpTarget, AStallShowsInEveryRequestThatWasDueInIt) {
  const MockServer server([](auto&, auto&, int number) {
    if (number == 20) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return answer_script(1, 0.0, 0.0);
  });
  const DriveResult result = run(server, constant(100), {.requests = 100, .tail_s = 0});
  const auto slow = std::ranges::count_if(
      result.samples, [](const Sample& sample) { return sample.ttft_s() > 0.1; });
  EXPECT_GE(slow, 38);  // 40 were due in the first 0.4 s of it; the clock of each is its own
  const auto& first = *std::ranges::find_if(
      result.samples, [](const Sample& sample) { return sample.ttft_s() > 0.1; });
  EXPECT_NEAR(first.due_s, 0.21, 0.05);
}

TEST(HttpTarget, CountsEveryKindOfFailure) {
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::vector<std::pair<Script, Outcome>> kinds = {
      {answer_script(3, 0, 0), Outcome::kAnswered},
      {page_script(429, "application/json", "{\"error\":\"busy\"}", "Retry-After: 7\r\n"),
       Outcome::kTooManyRequests},
      {page_script(503, "text/plain", "draining"), Outcome::kUnavailable},
      {page_script(400, "text/plain", "no"), Outcome::kOtherStatus},
      {page_script(200, "application/json", "{}"), Outcome::kNotAStream},
      {{.pieces = {{0, head + token_event() + chunk("data: {\"error\":\"lost\"}\n\n")}},
        .close = true},
       Outcome::kServerError},
      {{.pieces = {{0, head + token_event()}}, .close = true}, Outcome::kClosedEarly},
      {{.pieces = {{0, head + token_event()}}, .keep_open = false}, Outcome::kClosedEarly},
      {{.pieces = {}, .close = true}, Outcome::kClosedEarly},
      {{.pieces = {{0, "SSH-2.0-OpenSSH\r\n\r\n"}}, .close = true}, Outcome::kBroken},
      {{.pieces = {{0, head + "zz\r\n"}}, .close = true}, Outcome::kBroken},
      // Headers without end, a chunk's header without end, text without end.
      {{.pieces = {{0, "HTTP/1.1 200 OK\r\n"}, {0, "X-A: " + std::string(999, 'a') + "\r\n"}},
        .repeat = true},
       Outcome::kBroken},
      {{.pieces = {{0, head + "5"}, {0, ";" + std::string(999, 'a')}}, .repeat = true},
       Outcome::kBroken},
      {{.pieces = {{0, head}, {0, token_event()}}, .repeat = true}, Outcome::kBroken},
      {{.pieces = {{0, head}, {0, token_event(std::string(9000, 'w'))}}, .repeat = true},
       Outcome::kBroken},
      // A header, and then nothing; one byte now and then.
      {{.pieces = {{0, head}, {60, "x"}}}, Outcome::kTimedOut},
      {{.pieces = {{0, head}, {0.05, chunk(": still here\n\n")}}, .repeat = true},
       Outcome::kTimedOut}};
  const MockServer server([&](auto&, auto&, int number) {
    return kinds[static_cast<std::size_t>(number) % kinds.size()].first;
  });
  // One after the other, so that the server's number is ours; a fresh connection each, since a
  // kept one that closes without a byte is tried again.
  std::map<Outcome, int> wanted, got;
  for (const auto& [script, outcome] : kinds) {
    HttpTarget target(server.url());
    const DriveResult result =
        run(server, constant(1000), {.requests = 1, .tail_s = 0, .timeout_s = 0.6}, &target);
    ASSERT_EQ(result.samples.size(), 1u);
    EXPECT_EQ(result.samples[0].outcome, outcome) << name_of(outcome);
    if (outcome == Outcome::kTooManyRequests) {
      EXPECT_EQ(result.samples[0].retry_after_s, 7.0);
      EXPECT_EQ(target.take_messages(), std::vector<std::string>{"429: {\"error\":\"busy\"}"});
    }
  }
}

TEST(HttpTarget, NobodyListens) {
  std::string url;
  {
    url = MockServer([](auto&, auto&, int) { return Script{}; }).url();
  }
  HttpTarget target(url);
  Workload workload(constant(100));
  const DriveResult result = drive(target, workload, {.requests = 5, .tail_s = 0});
  EXPECT_EQ(outcomes(result)[Outcome::kNotConnected], 5);
  EXPECT_THROW(probe(target, {}), Error);
}

TEST(HttpTarget, AKeptConnectionThatWasClosedIsReplacedOnce) {
  const MockServer server([](auto&, auto&, int) {
    Script script = answer_script(1, 0, 0);
    script.close = true;  // without saying so
    return script;
  });
  HttpTarget target(server.url());
  const DriveResult result = run(server, constant(200), {.requests = 50, .tail_s = 0}, &target);
  EXPECT_EQ(outcomes(result)[Outcome::kAnswered], 50);
}

TEST(HttpTarget, ThousandsOfStreamsAtATime) {
  const MockServer server([](auto&, auto&, int) { return answer_script(3, 0.5, 0.5); });
  const DriveResult result =
      run(server, constant(1), {.requests = 800, .users = 800, .timeout_s = 60});
  EXPECT_EQ(outcomes(result)[Outcome::kAnswered], 800);
  EXPECT_EQ(result.most_open, 800);
}

// A server like others: it has a list of models and refuses what it does not know.
struct Picky {
  bool ids = true, ignore_eos = true, usage = true;
  int busy = 0;  // 429 so often first
  Script operator()(const std::string& head, const std::string& body, int) {
    if (head.starts_with("GET /v1/models")) {
      return page_script(200, "application/json",
                         "{\"object\":\"list\",\"data\":[{\"id\":\"m-1\"}]}");
    }
    if (busy-- > 0) return page_script(429, "text/plain", "busy", "Retry-After: 0.2\r\n");
    const Json json = Json::parse(body);
    EXPECT_EQ(json["model"], "m-1");
    if (!ids && json["prompt"].is_array()) return page_script(400, "text/plain", "no ids");
    if (!ignore_eos && json.contains("ignore_eos")) return page_script(400, "text/plain", "eos?");
    if (!usage && json.contains("stream_options")) return page_script(422, "text/plain", "opt?");
    int tokens = 0;
    if (json["prompt"].is_array()) {
      tokens = static_cast<int>(json["prompt"].size());
    } else {  // two tokens a word, and three that every prompt gets
      const std::string text = json["prompt"];
      tokens = 3 + 2 * static_cast<int>(1 + std::ranges::count(text, ' '));
    }
    return answer_script(2, 0, 0, tokens);
  }
};

TEST(Probe, FindsWhatAServerTakes) {
  for (int mask = 0; mask < 8; ++mask) {
    const Picky picky{(mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0, mask == 5 ? 2 : 0};
    const MockServer server(picky);
    HttpTarget target(server.url());
    probe(target, {});
    EXPECT_EQ(target.dialect().model, "m-1");
    EXPECT_EQ(target.dialect().ids, picky.ids) << mask;
    EXPECT_EQ(target.dialect().ignore_eos, picky.ignore_eos) << mask;
    EXPECT_EQ(target.dialect().usage, picky.usage) << mask;
  }
}

TEST(Probe, WordsAreCalibrated) {
  const MockServer server(Picky{.ids = false});
  HttpTarget target(server.url());
  probe(target, {});
  WorkloadOptions asked = constant(200);
  asked.prompt = {Lengths::Kind::kUniform, 20, 300};
  const DriveResult result = run(server, asked, {.requests = 60, .tail_s = 0}, &target);
  Workload again(asked);
  for (const Sample& sample : result.samples) {
    EXPECT_NEAR(sample.prompt_tokens, again.next()->prompt_tokens, 1.0);
  }
}

TEST(Probe, SaysWhatTheServerSaid) {
  const MockServer server([](auto&, auto&, int) {
    return page_script(401, "application/json", "{\"error\":\"who are you\"}");
  });
  HttpTarget target(server.url());
  try {
    probe(target, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("who are you"), std::string::npos) << error.what();
  }
}

TEST(Dialect, SaysPromptsAsTheyAre) {
  Request request;
  request.answer_tokens = 9;
  request.prompt = {{.tokens = {1, 2, 3}}, {.said = "yes", .said_ids = {50}}, {.tokens = {4}}};
  Dialect dialect{.model = "m", .first_id = 100};
  Json json = Json::parse(body_of(request, dialect));
  EXPECT_EQ(json["prompt"], Json({101, 102, 103, 50, 104}));
  EXPECT_EQ(json["max_tokens"], 9);
  EXPECT_EQ(json["stream_options"]["include_usage"], true);
  dialect.ids = false;
  const std::string text = Json::parse(body_of(request, dialect))["prompt"];
  EXPECT_NE(text.find("yes"), std::string::npos);
  EXPECT_EQ(std::ranges::count(text, ' '), 3);
  dialect.chat = true;
  json = Json::parse(body_of(request, dialect));
  ASSERT_EQ(json["messages"].size(), 3u);
  EXPECT_EQ(json["messages"][1]["role"], "assistant");
  EXPECT_EQ(json["messages"][1]["content"], "yes");
}

TEST(Url, IsRead) {
  const Url url = parse_url("http://127.0.0.1:8080/v1/");
  EXPECT_EQ(url.host + "|" + url.port + "|" + url.path, "127.0.0.1|8080|");
  EXPECT_EQ(parse_url("http://[::1]:99/a/v1").host, "::1");
  EXPECT_EQ(parse_url("http://[::1]:99/a/v1").path, "/a");
  EXPECT_EQ(parse_url("http://example").port, "80");
  for (const char* bad :
       {"", "example", "https://x", "ftp://x", "http://", "http://:80", "http://a:b",
        "http://a:99999", "http://[::1", "http://a b", "http://a\r\nX: y"}) {
    EXPECT_THROW(parse_url(bad), UsageError) << bad;
  }
}

}  // namespace
}  // namespace aisp::load
