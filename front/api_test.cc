// The API over real sockets, with a tiny model: what clients are answered.
#include <set>

#include "front/server_fixture.h"

namespace aisp::front {
namespace {

using nlohmann::json;

constexpr const char* kAsk =
    R"("prompt": "one two", "max_tokens": 12, "ignore_eos": true, "seed": 5)";

TEST(Api, CompletesText) {
  TestServer server;
  const TestReply reply = server.complete(kAsk);
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json answer = reply.json();
  EXPECT_EQ(answer["object"], "text_completion");
  EXPECT_EQ(answer["model"], "tiny");
  EXPECT_EQ(answer["choices"].size(), 1u);
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(answer["usage"]["completion_tokens"], 12);
  EXPECT_GT(answer["usage"]["prompt_tokens"], 3);
  EXPECT_EQ(server.complete(kAsk).json()["choices"], answer["choices"]) << "a seed is a seed";
  const json echoed = server.complete(std::string(kAsk) + R"(, "echo": true)").json();
  const std::string text = answer["choices"][0]["text"];
  EXPECT_EQ(echoed["choices"][0]["text"], "one two" + text);
}

TEST(Api, StreamsWhatItWouldHaveAnsweredWhole) {
  TestServer server;
  const std::string whole = server.complete(kAsk).json()["choices"][0]["text"];
  const TestReply reply = server.complete(
      std::string(kAsk) + R"(, "stream": true, "stream_options": {"include_usage": true})");
  ASSERT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.whole);
  EXPECT_EQ(reply.header("Content-Type"), "text/event-stream");
  const std::vector<std::string> events = reply.events();
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events.back(), "[DONE]");
  std::string text, finish;
  for (std::size_t i = 0; i + 2 < events.size(); ++i) {
    const json event = json::parse(events[i]);
    EXPECT_TRUE(event["usage"].is_null());
    text += event["choices"][0]["text"].get<std::string>();
    if (!event["choices"][0]["finish_reason"].is_null()) {
      finish = event["choices"][0]["finish_reason"];
    }
  }
  EXPECT_EQ(text, whole);
  EXPECT_EQ(finish, "length");
  const json usage = json::parse(events[events.size() - 2]);
  EXPECT_TRUE(usage["choices"].empty());
  EXPECT_EQ(usage["usage"]["completion_tokens"], 12);
}

TEST(Api, ChatsInTheModelsTemplate) {
  TestServer server;
  const std::string body =
      R"({"model": "tiny", "max_tokens": 8, "ignore_eos": true, "temperature": 0, "messages":
      [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}])";
  const json chat = server.post("/v1/chat/completions", body + "}").json();
  EXPECT_EQ(chat["object"], "chat.completion");
  EXPECT_EQ(chat["choices"][0]["message"]["role"], "assistant");
  const std::string text = chat["choices"][0]["message"]["content"];
  const TestReply stream = server.post("/v1/chat/completions", body + R"(, "stream": true})");
  std::string streamed;
  const std::vector<std::string> events = stream.events();
  EXPECT_EQ(json::parse(events.front())["choices"][0]["delta"]["role"], "assistant");
  for (const std::string& event : events) {
    if (event == "[DONE]") continue;
    const json delta = json::parse(event)["choices"][0]["delta"];
    if (delta.contains("content")) streamed += delta["content"].get<std::string>();
  }
  EXPECT_EQ(streamed, text);
  // The template's own text as a completion: the same tokens, so the same answer.
  const json completion = server
                              .complete(R"("prompt": "system: be brief\nuser: hello\nassistant:",
      "max_tokens": 8, "ignore_eos": true, "temperature": 0)")
                              .json();
  EXPECT_EQ(completion["usage"]["prompt_tokens"].get<int>(),
            chat["usage"]["prompt_tokens"].get<int>() + 1)
      << "the template writes no begin of text; a completion has one";
}

TEST(Api, GivesEveryPromptItsChoices) {
  TestServer server;
  const json answer =
      server
          .complete(R"("prompt": ["one", "two"], "n": 3, "max_tokens": 6, "ignore_eos": true,
          "seed": 9)")
          .json();
  ASSERT_EQ(answer["choices"].size(), 6u);
  std::set<std::string> texts;
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(answer["choices"][i]["index"], i);
    texts.insert(answer["choices"][i]["text"].get<std::string>());
  }
  EXPECT_EQ(texts.size(), 6u) << "choices differ";
  EXPECT_EQ(answer["usage"]["completion_tokens"], 36);
  const json alone = server
                         .complete(R"("prompt": "two", "max_tokens": 6, "ignore_eos": true,
      "seed": 9)")
                         .json();
  EXPECT_EQ(alone["choices"][0]["text"], answer["choices"][3]["text"]);
}

TEST(Api, StopsAtTextThatComesInPieces) {
  TestServer server;
  const std::string whole = server.complete(kAsk).json()["choices"][0]["text"];
  ASSERT_GT(whole.size(), 8u);
  const std::string stop = whole.substr(whole.size() / 2, 4);
  const std::string fields = std::string(kAsk) + ", \"stop\": " + json(stop).dump();
  const std::string before = whole.substr(0, whole.find(stop));
  const json answer = server.complete(fields).json();
  EXPECT_EQ(answer["choices"][0]["text"], before);
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
  std::string streamed;
  for (const std::string& event : server.complete(fields + R"(, "stream": true)").events()) {
    if (event != "[DONE]") streamed += json::parse(event)["choices"][0]["text"].get<std::string>();
  }
  EXPECT_EQ(streamed, before) << "nothing of the stop string was sent";
  EXPECT_TRUE(soon([&] { return server.empty(); }));
}

TEST(Api, GivesLogProbabilities) {
  TestServer server;
  const json chat = server
                        .post("/v1/chat/completions", R"({"model": "tiny", "max_tokens": 5,
      "ignore_eos": true, "temperature": 0, "logprobs": true, "top_logprobs": 3,
      "messages": [{"role": "user", "content": "hello"}]})")
                        .json();
  const json content = chat["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(content.size(), 5u) << chat;
  for (const json& token : content) {
    ASSERT_EQ(token["top_logprobs"].size(), 3u);
    EXPECT_EQ(token["logprob"], token["top_logprobs"][0]["logprob"]) << "temperature 0";
    EXPECT_EQ(token["token"], token["top_logprobs"][0]["token"]);
    EXPECT_LE(token["logprob"].get<double>(), 0.0);
  }
  const std::string fields = std::string(kAsk) + R"(, "logprobs": 2)";
  const json whole = server.complete(fields).json()["choices"][0]["logprobs"];
  EXPECT_EQ(whole["tokens"].size(), 12u);
  EXPECT_EQ(whole["token_logprobs"].size(), 12u);
  EXPECT_EQ(whole["text_offset"].size(), 12u);
  json streamed = json::array();
  for (const std::string& event : server.complete(fields + R"(, "stream": true)").events()) {
    if (event == "[DONE]") continue;
    const json some = json::parse(event)["choices"][0]["logprobs"];
    if (some.is_null()) continue;
    for (const json& value : some["token_logprobs"]) streamed.push_back(value);
  }
  EXPECT_EQ(streamed, whole["token_logprobs"]);
}

TEST(Api, AnswersInASchema) {
  TestServer server;
  const auto ask = [&](const std::string& format, const std::string& more = "") {
    return server.post("/v1/chat/completions",
                       R"({"model": "tiny", "max_tokens": 64, "messages": [{"role": "user",
        "content": "hello"}], "response_format": )" +
                           format + more + "}");
  };
  const TestReply reply = ask(R"({"type": "json_schema", "json_schema": {"name": "n", "schema":
      {"type": "object", "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 99},
      "b": {"enum": ["x", "y"]}}, "required": ["a", "b"], "additionalProperties": false}}})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json choice = reply.json()["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "stop");
  const json answer = json::parse(choice["message"]["content"].get<std::string>(), nullptr, false);
  ASSERT_TRUE(answer.is_object()) << choice;
  EXPECT_LE(answer["a"].get<int>(), 99);
  const std::string any =
      ask(R"({"type": "json_object"})").json()["choices"][0]["message"]["content"];
  EXPECT_EQ(any.front(), '{');
  EXPECT_EQ(ask(R"({"type": "json_object"})", R"(, "ignore_eos": true)").status, 400);
  EXPECT_EQ(ask(R"({"type": "json_schema", "json_schema": {"schema": {"not": {}}}})").status, 400)
      << "a keyword that would be ignored";
}

TEST(Api, ListsModelsAndItsOwnState) {
  TestServer server({}, "other");
  const json list = server.ask(TestClient::get("/v1/models")).json();
  ASSERT_EQ(list["data"].size(), 2u);
  EXPECT_EQ(list["data"][1]["id"], "other");
  EXPECT_EQ(server.ask(TestClient::get("/v1/models/tiny")).json()["id"], "tiny");
  EXPECT_EQ(server.ask(TestClient::get("/v1/models/none")).status, 404);
  EXPECT_EQ(server.ask(TestClient::get("/health")).status, 200);
  EXPECT_EQ(server.ask(TestClient::get("/ready")).status, 200);
  server.complete(kAsk);
  // Counted when an answer has left, by threads that nobody waits for.
  for (const char* line :
       {"aisp_requests_total{endpoint=\"/v1/completions\",status=\"200\"} 1",
        "aisp_completion_tokens_total 12", "aisp_engine_ended_total{model=\"tiny\"} 1",
        "aisp_inter_token_seconds_count 11", "aisp_time_to_first_token_seconds_count 1",
        "aisp_stage_seconds_count{stage=\"decode\"} 1",
        "aisp_requests_running{model=\"other\"} 0"}) {
    std::string metrics;
    const bool seen = soon([&] {
      metrics = server.ask(TestClient::get("/metrics")).body;
      return metrics.find(line) != std::string::npos;
    });
    EXPECT_TRUE(seen) << line << "\n" << metrics;
  }
}

TEST(Api, RefusesInOpenAisForm) {
  TestServer server;
  struct Case {
    std::string request;
    int status;
    const char* type;
  };
  const std::string good = R"({"model": "tiny", "prompt": "a"})";
  const Case cases[] = {
      {TestClient::post("/v1/completions", R"({"model": "other", "prompt": "a"})"), 404,
       "not_found_error"},
      {TestClient::post("/v1/completions", "{"), 400, "invalid_request_error"},
      {TestClient::post("/v1/completions", R"({"model": "tiny", "prompt": [99999999]})"), 400,
       "invalid_request_error"},
      {TestClient::post("/v1/completions", R"({"model": "tiny", "prompt": "a", "best": 1})"), 400,
       "invalid_request_error"},
      {TestClient::post("/v1/completions",
                        R"({"model": "tiny", "prompt": "a", "max_tokens": 1000000})"),
       400, "invalid_request_error"},
      {TestClient::post("/v1/completions", good, "Origin: http://evil.example\r\n"), 403,
       "permission_error"},
      {TestClient::post("/v1/completions", good, "X-First-Token-Within: soon\r\n"), 400,
       "invalid_request_error"},
      {TestClient::post("/v1/nothing", good), 404, "not_found_error"},
      {TestClient::get("/v1/completions"), 405, "invalid_request_error"},
      {TestClient::post("/admin/reload", ""), 403, "permission_error"}};
  for (const Case& each : cases) {
    const TestReply reply = server.ask(each.request);
    EXPECT_EQ(reply.status, each.status) << each.request << reply.body;
    ASSERT_TRUE(reply.json().contains("error")) << reply.body;
    EXPECT_EQ(reply.json()["error"]["type"], each.type) << each.request;
    EXPECT_FALSE(reply.json()["error"]["message"].get<std::string>().empty());
  }
  EXPECT_EQ(server.engine().counters().submitted, 0u);
}

TEST(Api, CarriesTheTraceAndTellsEachRequestInOneLine) {
  TestServer server;
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const TestReply reply = server.ask(
      TestClient::post("/v1/completions", std::string(R"({"model": "tiny", )") + kAsk + "}",
                       "traceparent: 00-" + trace + "-00f067aa0ba902b7-01\r\n"));
  EXPECT_EQ(reply.header("traceparent").substr(3, 32), trace);
  EXPECT_NE(reply.header("traceparent").substr(36, 16), "00f067aa0ba902b7") << "a span of its own";
  ASSERT_TRUE(soon([&] { return !server.log().empty(); }));
  const json line = server.log().front();
  EXPECT_EQ(line["trace_id"], trace);
  EXPECT_EQ(line["parent_span_id"], "00f067aa0ba902b7");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["completion_tokens"], 12);
  EXPECT_EQ(line["finish"], "length");
  for (const char* stage : {"parse", "queue", "prompt", "decode", "write", "whole"}) {
    EXPECT_TRUE(line["ms"].contains(stage)) << stage;
  }
  EXPECT_EQ(server.ask(TestClient::get("/nowhere")).header("traceparent").size(), 55u);
}

TEST(Api, ServesKeysApart) {
  TestServer server({.keys = Keys(std::vector<Key>{{"alice", "alices-long-secret"},
                                                   {"admin", "admins-secret-key"}})});
  const std::string body = std::string(R"({"model": "tiny", )") + kAsk + "}";
  const auto as = [&](const std::string& key) {
    return server.ask(TestClient::post("/v1/completions", body, "Authorization: " + key + "\r\n"));
  };
  EXPECT_EQ(server.post("/v1/completions", body).status, 401);
  EXPECT_EQ(as("Bearer alices-long-secreT").status, 401);
  EXPECT_EQ(as("alices-long-secret").status, 401);
  EXPECT_EQ(as("Bearer alices-long-secret").status, 200);
  EXPECT_EQ(
      as("Bearer admins-secret-key").json()["usage"]["prompt_tokens_details"]["cached_tokens"], 0)
      << "a cache of one's own";
  EXPECT_EQ(server.ask(TestClient::get("/health")).status, 200);
  EXPECT_EQ(server.ask(TestClient::get("/metrics")).status, 401);
  EXPECT_EQ(server
                .ask(TestClient::post("/admin/reload", "",
                                      "Authorization: Bearer alices-long-secret\r\n"))
                .status,
            403);
}

}  // namespace
}  // namespace aisp::front
