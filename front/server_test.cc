// The server against clients that leave, stall, flood and lie.
#include <gtest/gtest.h>

#include <cstdlib>

#include "front/server_fixture.h"

namespace aisp::front {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// Long enough to be interrupted, and streaming.
const std::string kLong =
    R"({"model": "tiny", "prompt": "tell me", "max_tokens": 100, "ignore_eos": true, "seed": 1,
    "stream": true})";
// As long as the model's context lets it be: hundreds of milliseconds of one stream.
std::string longest(TestServer& server) {
  json body = json::parse(kLong);
  body["max_tokens"] = server.models().find("tiny")->model.config().context - 16;
  return body.dump();
}

std::string text_of(const TestReply& stream) {
  std::string text;
  for (const std::string& event : stream.events()) {
    if (event != "[DONE]") text += json::parse(event)["choices"][0]["text"].get<std::string>();
  }
  return text;
}

std::uint64_t ended(TestServer& server) { return server.engine().counters().ended; }

TEST(Server, CancelsWhoLeaves) {
  TestServer server;
  const std::string request = TestClient::post("/v1/completions", longest(server));
  for (const char* how : {"close", "reset", "half"}) {
    const std::uint64_t decoded = server.engine().counters().decode_rows;
    TestClient client = server.client();
    client.send(request);
    ASSERT_TRUE(client.wait_for("data: "));
    if (how[0] == 'c') client.close();
    if (how[0] == 'r') client.reset();
    if (how[0] == 'h') client.end_sending();
    ASSERT_TRUE(soon([&] { return server.empty(); })) << how;
    EXPECT_LT(server.engine().counters().decode_rows - decoded,
              static_cast<std::uint64_t>(server.models().find("tiny")->model.config().context - 20))
        << how << ": it was cancelled, not finished";
  }
  ASSERT_TRUE(soon([&] { return server.log().size() == 3; }));
  EXPECT_FALSE(server.log()[0]["written"].get<bool>());
  EXPECT_EQ(server.complete(R"("prompt": "a")").status, 200) << "the server goes on";
}

TEST(Server, CancelsWhoLeavesWithoutAStream) {
  TestServer server;
  json body = json::parse(longest(server));
  body["stream"] = false;
  body["n"] = 4;
  TestClient client = server.client();
  client.send(TestClient::post("/v1/completions", body.dump()));
  ASSERT_TRUE(soon([&] { return server.engine().counters().submitted == 4; }));
  client.close();
  EXPECT_TRUE(soon([&] { return server.empty() && ended(server) == 4; }));
}

TEST(Server, RefusesWhatDoesNotFitAtOnce) {
  TestServer server({.max_running = 1, .slots = 2});
  const std::string request = TestClient::post("/v1/completions", longest(server));
  TestClient first = server.client(), second = server.client();
  first.send(request);
  second.send(request);
  ASSERT_TRUE(soon([&] { return server.engine().counters().submitted == 2; }));
  const TestReply refused = server.complete(R"("prompt": "a")");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.json()["error"]["type"], "rate_limit_error");
  EXPECT_GE(std::atoi(refused.header("Retry-After").c_str()), 1);
  const TestReply too_many = server.complete(R"("prompt": "a", "n": 3)");
  EXPECT_EQ(too_many.status, 429) << "full is full";
  const std::string metrics = server.ask(TestClient::get("/metrics")).body;
  EXPECT_NE(metrics.find("aisp_refused_total{reason=\"queue_full\"} 2"), std::string::npos);
  first.close();
  second.close();
  ASSERT_TRUE(soon([&] { return server.models().find("tiny")->seats.taken() == 0; }));
  EXPECT_EQ(server.complete(R"("prompt": "a", "n": 3)").status, 400) << "never possible";
  EXPECT_EQ(server.complete(R"("prompt": "a", "n": 2)").status, 200);
}

TEST(Server, RefusesWhatWouldComeTooLate) {
  TestServer server({.max_running = 1, .slots = 8});
  const TestReply late =
      server.ask(TestClient::post("/v1/completions", R"({"model": "tiny", "prompt": "a"})",
                                  "X-First-Token-Within: 0.0000001\r\n"));
  EXPECT_EQ(late.status, 429) << late.body;
  EXPECT_EQ(late.json()["error"]["code"], "too_late");
  EXPECT_NE(late.header("Retry-After"), "");
  TestServer strict({.first_token_within_s = 1e-7});
  EXPECT_EQ(strict.complete(R"("prompt": "a")").status, 429);
}

TEST(Server, EndsWithSlowAndSilentClients) {
  ServerSettings settings;
  settings.limits.head_time = milliseconds(300);
  settings.limits.body_time = milliseconds(300);
  settings.limits.idle_time = milliseconds(300);
  settings.limits.linger_time = milliseconds(300);
  TestServer server(settings);
  TestClient silent = server.client(), slow_head = server.client(), slow_body = server.client();
  slow_head.send("POST /v1/completions HT");
  slow_body.send("POST /v1/completions HTTP/1.1\r\nContent-Length: 10\r\n\r\n{");
  EXPECT_EQ(slow_head.read().status, 408);
  EXPECT_EQ(slow_body.read().status, 408);
  EXPECT_TRUE(silent.ends());
  EXPECT_TRUE(slow_head.ends());
  TestClient idle = server.client();
  EXPECT_EQ(idle.ask(TestClient::get("/health")).status, 200);
  EXPECT_TRUE(idle.ends());
  EXPECT_TRUE(soon([&] { return server.empty(); }));
}

TEST(Server, EndsStreamsThatNobodyReads) {
  ServerSettings settings;
  settings.limits.stream_bytes = std::size_t{4} << 10;
  settings.limits.write_time = milliseconds(1000);
  TestServer server(settings);
  std::vector<TestClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(server.client());
    clients.back().shrink_buffers();
    // More streams in one answer than the system's buffers take.
    json body = json::parse(longest(server));
    body["n"] = 8;
    clients.back().send(TestClient::post("/v1/completions", body.dump()));
  }
  ASSERT_TRUE(soon([&] { return server.log().size() == 4; }));
  for (const json& line : server.log()) {
    EXPECT_EQ(line["status"], 200);
    EXPECT_FALSE(line["written"].get<bool>());
    EXPECT_LT(line["completion_tokens"], 8 * 4000) << "it was cancelled";
  }
  EXPECT_TRUE(soon([&] { return server.empty(); }));
}

TEST(Server, LimitsBodiesBeforeTheyAreRead) {
  ServerSettings settings;
  settings.limits.body_bytes = 100'000;
  settings.limits.bodies_bytes = 150'000;
  TestServer server(settings);
  const std::string head = "POST /v1/completions HTTP/1.1\r\nContent-Length: ";
  TestClient big = server.client();
  big.send(head + "100001\r\n\r\n");
  EXPECT_EQ(big.read().status, 413);
  TestClient first = server.client(), second = server.client();
  first.send(head + "100000\r\n\r\nx");
  EXPECT_TRUE(soon([&] {
    return server.ask(TestClient::get("/metrics")).body.find("aisp_body_bytes 100000") !=
           std::string::npos;
  }));
  second.send(head + "100000\r\n\r\nx");
  const TestReply refused = second.read();
  EXPECT_EQ(refused.status, 429) << "announced is enough";
  EXPECT_NE(refused.header("Retry-After"), "");
  first.close();
  EXPECT_TRUE(soon([&] {
    return server.ask(TestClient::get("/metrics")).body.find("aisp_body_bytes 0") !=
           std::string::npos;
  }));
  TestClient wrong = server.client();
  wrong.send("POST /v1/nothing HTTP/1.1\r\nContent-Length: 99000\r\n\r\nx");
  EXPECT_EQ(wrong.read().status, 404) << "nobody waits for a body that nobody wants";
}

TEST(Server, AnswersExpectationsAndRequestsThatFollow) {
  TestServer server;
  TestClient client = server.client();
  const std::string body = R"({"model": "tiny", "prompt": "a", "max_tokens": 3})";
  client.send("POST /v1/completions HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n");
  ASSERT_TRUE(client.wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
  EXPECT_EQ(client.read().status, 100);
  EXPECT_EQ(client.ask(body).status, 200);
  client.send(TestClient::post("/v1/completions", body) + TestClient::get("/health") +
              TestClient::post("/v1/completions", body));
  EXPECT_EQ(client.read().json()["object"], "text_completion");
  EXPECT_EQ(client.read().json()["status"], "ok");
  EXPECT_EQ(client.read().json()["object"], "text_completion");
  client.send(
      "POST /v1/completions HTTP/1.0\r\nContent-Length: " + std::to_string(body.size() + 16) +
      "\r\n\r\n" + body.substr(0, body.size() - 1) + R"(, "stream": true})");
  const TestReply old = client.read();
  EXPECT_EQ(old.status, 200);
  EXPECT_EQ(old.header("Transfer-Encoding"), "") << "HTTP/1.0 knows no chunks";
  EXPECT_NE(old.body.find("data: [DONE]"), std::string::npos);
}

TEST(Server, DrainsAndCutsWhatDoesNotEnd) {
  TestServer server;
  TestClient client = server.client();
  client.send(TestClient::post("/v1/completions", longest(server)));
  ASSERT_TRUE(client.wait_for("data: "));
  server.service().drain();
  EXPECT_EQ(server.ask(TestClient::get("/ready")).status, 503);
  EXPECT_EQ(server.ask(TestClient::get("/health")).status, 200);
  const TestReply refused = server.complete(R"("prompt": "a")");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.header("Retry-After"), "");
  server.run_there([&] { server.service().end_calls(); });
  const TestReply cut = client.read();
  EXPECT_EQ(cut.status, 200);
  EXPECT_FALSE(cut.whole) << "a stream that was cut does not look whole";
  EXPECT_NE(cut.body.find("the server ended the request"), std::string::npos);
  EXPECT_TRUE(soon([&] { return server.empty(); }));
}

TEST(Server, ReloadsWithoutDroppingAStream) {
  TestServer server({.keys = Keys(std::vector<Key>{{"admin", "admins-secret-key"}})});
  const std::string key = "Authorization: Bearer admins-secret-key\r\n";
  const std::string request = TestClient::post("/v1/completions", longest(server), key);
  const TestReply whole = server.ask(request);
  ASSERT_TRUE(whole.whole);
  TestClient client = server.client();
  client.send(request);
  ASSERT_TRUE(client.wait_for("data: "));
  const std::weak_ptr<Served> old = server.models().find("tiny");
  EXPECT_EQ(server.ask(TestClient::post("/admin/reload", "", key)).status, 202);
  const TestReply stream = client.read();
  EXPECT_EQ(text_of(stream), text_of(whole)) << "not a token was lost";
  EXPECT_TRUE(soon([&] { return old.expired(); })) << "the old model went";
  EXPECT_EQ(
      server.ask(TestClient::post("/v1/completions", R"({"model": "tiny", "prompt": "a"})", key))
          .status,
      200);
}

// AISP_IDLE_STREAMS: how many (300).
TEST(Server, KeepsManyStreamsWithOneThread) {
  const char* given = std::getenv("AISP_IDLE_STREAMS");
  const int count = given == nullptr ? 300 : std::atoi(given);
  TestServer server({.max_running = 4, .slots = count + 8});
  std::vector<TestClient> clients;
  const std::string request = TestClient::post(
      "/v1/completions",
      R"({"model": "tiny", "prompt": "a", "max_tokens": 4, "ignore_eos": true, "stream": true})");
  for (int i = 0; i < count; ++i) {
    clients.push_back(server.client());
    ASSERT_TRUE(clients.back().send(request)) << i;
  }
  for (TestClient& client : clients) {
    const TestReply reply = client.read();
    ASSERT_EQ(reply.status, 200);
    EXPECT_EQ(reply.events().back(), "[DONE]");
  }
  // All connections stay open; the server still answers.
  EXPECT_EQ(server.ask(TestClient::get("/health")).status, 200);
  EXPECT_TRUE(soon([&] { return server.empty(); }));
}

}  // namespace
}  // namespace aisp::front
