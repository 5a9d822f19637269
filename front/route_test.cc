// Which model answers "auto", who gets a place, and what is told of requests that were refused.
#include <algorithm>

#include "front/seats.h"
#include "front/server_fixture.h"

namespace aisp::front {
namespace {

using nlohmann::json;
using Answer = Seats::Answer;

TEST(Seats, LeaveRoomForTheNextKey) {
  Seats seats(30, 3, 0);
  int first = 0, second = 0, third = 0;
  while (seats.take(0) == Answer::kTaken) ++first;
  EXPECT_EQ(first, 20) << "two thirds";
  EXPECT_EQ(first, seats.most_of_one());
  EXPECT_EQ(seats.look(0), Answer::kShare);
  while (seats.take(1) == Answer::kTaken) ++second;
  EXPECT_EQ(second, 6);
  while (seats.take(2) == Answer::kTaken) ++third;
  EXPECT_GE(third, 2);
  EXPECT_LE(seats.taken(), 30);
  for (; first > 0; --first) seats.leave(0);
  EXPECT_EQ(seats.take(2), Answer::kTaken) << "what others left";
}

TEST(Seats, CountNobodyApartWhereThereIsOnlyOne) {
  for (const int clients : {0, 1}) {
    Seats seats(4, clients, 2);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(seats.take(clients - 1), Answer::kTaken);
    EXPECT_EQ(seats.take(clients - 1), Answer::kFull);
    EXPECT_EQ(seats.taken(), 4);
  }
  Seats capped(10, 2, 3);
  EXPECT_EQ(capped.most_of_one(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(capped.take(1), Answer::kTaken);
  EXPECT_EQ(capped.take(1), Answer::kShare);
  EXPECT_EQ(capped.take(0), Answer::kTaken);
  Seats one(1, 2, 0);
  EXPECT_EQ(one.take(0), Answer::kTaken) << "one is always allowed";
  EXPECT_EQ(one.take(1), Answer::kFull);
}

std::string ask_for(const std::string& model, int tokens, int prompt_bytes = 8) {
  return R"({"model": ")" + model + R"(", "prompt": ")" +
         std::string(static_cast<std::size_t>(prompt_bytes), 'x') +
         R"(", "ignore_eos": true, "seed": 1, "max_tokens": )" + std::to_string(tokens) + "}";
}

TEST(Share, OneKeyDoesNotFillTheServer) {
  TestServer server({.keys = Keys(std::vector<Key>{{"alice", "alices-long-secret"},
                                                   {"bob", "bobs-very-long-secret"}}),
                     .max_running = 2,
                     .slots = 6});
  const std::string alice = "Authorization: Bearer alices-long-secret\r\n";
  const std::string bob = "Authorization: Bearer bobs-very-long-secret\r\n";
  std::vector<TestClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(server.client());
    clients.back().send(TestClient::post("/v1/completions", ask_for("tiny", 3000), alice));
  }
  ASSERT_TRUE(soon([&] { return server.models().find("tiny")->seats.taken() == 4; }));
  const TestReply refused =
      server.ask(TestClient::post("/v1/completions", ask_for("tiny", 1), alice));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.json()["error"]["code"], "key_share");
  EXPECT_NE(refused.header("Retry-After"), "");
  EXPECT_EQ(server.ask(TestClient::post("/v1/completions", ask_for("tiny", 1), bob)).status, 200);
  const std::string metrics = server.ask(TestClient::get("/metrics", bob)).body;
  EXPECT_NE(metrics.find("aisp_refused_total{reason=\"key_share\"} 1"), std::string::npos);
  clients.clear();
  EXPECT_TRUE(soon([&] { return server.models().find("tiny")->seats.taken() == 0; }));
}

struct RoutedServer : TestServer {
  explicit RoutedServer(Route::Policy policy, ServerSettings settings = {})
      : TestServer(with(std::move(settings), policy), "large") {}
  static ServerSettings with(ServerSettings settings, Route::Policy policy) {
    settings.route = Route{
        .policy = policy, .small = "tiny", .large = "large", .prompt_tokens = 40, .requests = 2};
    return settings;
  }
  TestReply ask_auto(int tokens, int prompt_bytes = 8, const std::string& headers = "") {
    return ask(TestClient::post("/v1/completions", ask_for("auto", tokens, prompt_bytes), headers));
  }
};

TEST(Routes, ByTheLengthOfThePrompt) {
  RoutedServer server(Route::Policy::kLength);
  const TestReply brief = server.ask_auto(3), longer = server.ask_auto(3, 200);
  EXPECT_EQ(brief.header("X-Routed-To"), "tiny");
  EXPECT_EQ(brief.json()["model"], "tiny") << "the answer names who gave it";
  EXPECT_EQ(longer.header("X-Routed-To"), "large");
  EXPECT_NE(longer.header("X-Route-Reason").find("bound 40"), std::string::npos);
  EXPECT_EQ(server.post("/v1/completions", ask_for("tiny", 3)).header("X-Routed-To"), "")
      << "a name is a name";
  ASSERT_TRUE(soon([&] { return server.log().size() == 3; }));
  const json line = server.log()[1];
  EXPECT_EQ(line["model"], "large");
  EXPECT_EQ(line["route"], longer.header("X-Route-Reason"));
  const std::string metrics = server.ask(TestClient::get("/metrics")).body;
  for (const char* row : {"aisp_routed_total{model=\"tiny\",why=\"short\"} 1",
                          "aisp_routed_total{model=\"large\",why=\"long\"} 1"}) {
    EXPECT_NE(metrics.find(row), std::string::npos) << row;
  }
  const json models = server.ask(TestClient::get("/v1/models")).json()["data"];
  EXPECT_TRUE(std::ranges::any_of(models, [](const json& m) { return m["id"] == "auto"; }));
  EXPECT_EQ(server.ask(TestClient::get("/v1/models/auto")).json()["id"], "auto");
}

TEST(Routes, ByTheLoadOfTheLargeOne) {
  RoutedServer server(Route::Policy::kLoad);
  TestClient first = server.client(), second = server.client();
  first.send(TestClient::post("/v1/completions", ask_for("auto", 3000)));
  ASSERT_TRUE(soon([&] { return server.models().find("large")->seats.taken() == 1; }));
  second.send(TestClient::post("/v1/completions", ask_for("auto", 3000)));
  ASSERT_TRUE(soon([&] { return server.models().find("large")->seats.taken() == 2; }));
  EXPECT_EQ(server.ask_auto(3).header("X-Routed-To"), "tiny");
  first.close();
  ASSERT_TRUE(soon([&] { return server.models().find("large")->seats.taken() == 1; }));
  EXPECT_EQ(server.ask_auto(3).header("X-Routed-To"), "large");
}

TEST(Routes, ByTheDeadline) {
  RoutedServer server(Route::Policy::kDeadline, {.max_running = 1, .slots = 2});
  EXPECT_EQ(server.ask_auto(3).header("X-Routed-To"), "large") << "nobody waits";
  EXPECT_EQ(server.ask_auto(3, 8, "X-First-Token-Within: 100\r\n").header("X-Routed-To"), "large");
  // Nobody can be so soon: both refuse, and the last to be asked answers.
  const TestReply late = server.ask_auto(3, 8, "X-First-Token-Within: 0.0000001\r\n");
  EXPECT_EQ(late.status, 429);
  EXPECT_EQ(late.header("X-Routed-To"), "tiny");
  TestClient first = server.client(), second = server.client();
  for (TestClient* client : {&first, &second}) {
    client->send(TestClient::post("/v1/completions", ask_for("large", 3000)));
  }
  ASSERT_TRUE(soon([&] { return server.models().find("large")->seats.taken() == 2; }));
  const TestReply full = server.ask_auto(3);
  EXPECT_EQ(full.status, 200) << full.body;
  EXPECT_EQ(full.header("X-Routed-To"), "tiny");
  EXPECT_NE(full.header("X-Route-Reason").find("too many requests are waiting"), std::string::npos);
  const std::string metrics = server.ask(TestClient::get("/metrics")).body;
  EXPECT_NE(metrics.find("aisp_routed_total{model=\"tiny\",why=\"full\"} 1"), std::string::npos);
}

TEST(Refusals, HaveTheirLine) {
  TestServer server;
  TestClient wrong = server.client();
  wrong.send("NONSENSE\r\n\r\n");
  EXPECT_EQ(wrong.read().status, 400);
  TestClient large = server.client();
  large.send("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(large.read().status, 431);
  const TestReply nowhere = server.ask(TestClient::get("/secret?key=abc"));
  EXPECT_EQ(nowhere.status, 404);
  ASSERT_TRUE(soon([&] { return server.log().size() == 3; }));
  const std::vector<json> log = server.log();
  EXPECT_EQ(log[0]["status"], 400);
  EXPECT_EQ(log[1]["status"], 431);
  EXPECT_EQ(log[1]["error"], "the head is too large");
  EXPECT_EQ(log[2]["status"], 404);
  EXPECT_EQ(log[2]["endpoint"], "other") << "what strangers write is not kept";
  EXPECT_EQ(log[2]["span_id"], nowhere.header("X-Request-Id"));
}

}  // namespace
}  // namespace aisp::front
