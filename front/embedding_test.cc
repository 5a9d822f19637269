// /v1/embeddings over real sockets: the vectors against the model's judge, beside streams, and what
// strangers ask for.
#include <cmath>
#include <cstring>

#include "front/embedding.h"
#include "front/server_fixture.h"
#include "model/reference.h"

namespace aisp::front {
namespace {

using nlohmann::json;

TestReply embed(TestServer& server, const std::string& fields) {
  return server.post("/v1/embeddings", R"({"model": "tiny", )" + fields + "}");
}

std::vector<float> floats_of_base64(const std::string& text) {
  static const std::string digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned char> bytes;
  unsigned held = 0, bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    held = held << 6 | static_cast<unsigned>(digits.find(c));
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<unsigned char>(held >> bits & 255));
  }
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), values.size() * 4);
  return values;
}

// The mean of the judge's states, scaled to length 1: all in double.
std::vector<double> judged(const model::MadeModel& made, std::span<const serve::Token> tokens) {
  const auto width = static_cast<std::size_t>(made.config.width);
  const std::vector<double> states = model::reference_states(made.tensors, made.config, tokens);
  std::vector<double> mean(width, 0.0);
  for (std::size_t i = 0; i < states.size(); ++i) {
    mean[i % width] += states[i] / static_cast<double>(tokens.size());
  }
  double squares = 0.0;
  for (const double value : mean) squares += value * value;
  for (double& value : mean) value /= std::sqrt(squares);
  return mean;
}

double farthest(const json& vector, const std::vector<double>& right) {
  EXPECT_EQ(vector.size(), right.size());
  double most = 0.0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    most = std::max(most, std::abs(vector[i].get<double>() - right[i]));
  }
  return most;
}

TEST(Embedding, IsTheMeanOfTheJudgesStates) {
  TestServer server({.kv = "f32"});
  const text::Tokenizer& tokenizer = server.models().find("tiny")->model.tokenizer();
  const std::string texts[] = {"a",
                               "The quick brown fox jumps over the lazy dog, again and again."};
  for (const std::string& text : texts) {
    const json answer = embed(server, R"("input": )" + json(text).dump()).json();
    const std::vector<serve::Token> tokens = tokenizer.encode(text);
    const json& vector = answer["data"][0]["embedding"];
    EXPECT_LT(farthest(vector, judged(server.made(), tokens)), 1e-5) << "f32 against double";
    if (tokens.size() < 4) continue;
    const std::span<const serve::Token> shorter = std::span(tokens).first(tokens.size() - 1);
    EXPECT_GT(farthest(vector, judged(server.made(), shorter)), 1e-3) << "a token less is seen";
    EXPECT_EQ(answer["object"], "list");
    EXPECT_EQ(answer["model"], "tiny");
    EXPECT_EQ(answer["data"][0]["object"], "embedding");
    EXPECT_EQ(answer["usage"]["prompt_tokens"], tokens.size());
    EXPECT_EQ(answer["usage"]["total_tokens"], tokens.size());
  }
}

TEST(Embedding, TakesTextsAndTokensInBothEncodings) {
  TestServer server;
  const text::Tokenizer& tokenizer = server.models().find("tiny")->model.tokenizer();
  const json texts = embed(server, R"("input": ["one", "two and three"], "user": "me")").json();
  ASSERT_EQ(texts["data"].size(), 2u);
  const json one = tokenizer.encode("one"), two = tokenizer.encode("two and three");
  const json tokens = embed(server, R"("input": )" + json{one, two}.dump()).json();
  EXPECT_EQ(tokens["data"], texts["data"]);
  EXPECT_EQ(embed(server, R"("input": )" + two.dump()).json()["data"][0]["embedding"],
            texts["data"][1]["embedding"]);
  const json coded =
      embed(server, R"("input": ["one", "two and three"], "encoding_format": "base64")").json();
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(coded["data"][i]["index"], i);
    EXPECT_EQ(floats_of_base64(coded["data"][i]["embedding"]),
              texts["data"][i]["embedding"].get<std::vector<float>>());
  }
}

TEST(Embedding, WritesEveryLengthInBase64) {
  for (std::size_t length = 1; length < 8; ++length) {
    std::vector<double> sum;
    for (std::size_t i = 0; i < length; ++i) sum.push_back(static_cast<double>(i) - 1.5);
    const std::string text = vector_text(sum, true);
    EXPECT_EQ(text.size() % 4, 2u) << "groups of four in quotes";
    EXPECT_EQ(floats_of_base64(text.substr(1, text.size() - 2)),
              json::parse(vector_text(sum, false)).get<std::vector<float>>());
  }
  EXPECT_EQ(vector_text(std::vector<double>{0.0, 0.0}, false), "[0,0]");
  EXPECT_EQ(vector_text(std::vector<double>{3.0, -4.0}, false), "[0.6,-0.8]");
  EXPECT_THROW(vector_text(std::vector<double>{1.0, NAN}, false), ApiError);
}

// Streams before, beside and behind: not a bit of a vector and not a token of a stream changes.
TEST(Embedding, SharesStepsWithStreamsAndChangesNothing) {
  TestServer server;
  const std::string stream = R"({"model": "tiny", "prompt": "tell me a story", "max_tokens": 400,
      "ignore_eos": true, "seed": 3, "stream": true})";
  const std::string input = R"("input": ["tell me a story", ")" + std::string(700, 'x') +
                            R"(", "tell me a story about a very long day"])";
  const json alone = embed(server, input).json()["data"];
  const std::vector<std::string> story =
      server.ask(TestClient::post("/v1/completions", stream)).events();
  std::vector<TestClient> streams;
  for (int i = 0; i < 3; ++i) {
    streams.push_back(server.client());
    streams.back().send(TestClient::post("/v1/completions", stream));
    ASSERT_TRUE(streams.back().wait_for("data: "));
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(embed(server, input).json()["data"], alone);
  for (TestClient& client : streams) {
    const TestReply reply = client.read();
    ASSERT_TRUE(reply.whole);
    std::string got, right;
    for (const std::string& event : reply.events()) {
      if (event != "[DONE]") got += json::parse(event)["choices"][0]["text"];
    }
    for (const std::string& event : story) {
      if (event != "[DONE]") right += json::parse(event)["choices"][0]["text"];
    }
    EXPECT_EQ(got, right);
  }
  EXPECT_TRUE(soon([&] { return server.empty(); }));
}

TEST(Embedding, GoesOnWhereThereIsLittleRoom) {
  TestServer server({.max_running = 2, .slots = 2});
  json inputs = json::array();
  for (int i = 0; i < 60; ++i) inputs.push_back("number " + std::to_string(i % 20));
  const TestReply reply = embed(server, R"("input": )" + inputs.dump());
  ASSERT_EQ(reply.status, 200) << reply.body;
  const json data = reply.json()["data"];
  ASSERT_EQ(data.size(), 60u);
  for (std::size_t i = 0; i < 60; ++i) {
    EXPECT_EQ(data[i]["index"], i);
    EXPECT_EQ(data[i]["embedding"], data[i % 20]["embedding"]);
  }
  EXPECT_EQ(server.models().find("tiny")->seats.taken(), 0);
  ASSERT_TRUE(soon([&] { return server.log().size() == 1; }));
  const json line = server.log().front();
  EXPECT_EQ(line["prompt_tokens"], reply.json()["usage"]["prompt_tokens"]);
  EXPECT_EQ(line["endpoint"], "/v1/embeddings");
}

TEST(Embedding, EndsWithItsClientAndItsDeadline) {
  TestServer server({.max_running = 2, .slots = 8});
  json inputs = json::array();
  for (int i = 0; i < 500; ++i) inputs.push_back(std::string(900, 'x') + std::to_string(i));
  const std::string body = R"({"model": "tiny", "input": )" + inputs.dump() + "}";
  {
    TestClient client = server.client();
    client.send(TestClient::post("/v1/embeddings", body));
    ASSERT_TRUE(soon([&] { return server.engine().counters().submitted > 2; }));
  }
  ASSERT_TRUE(soon([&] { return !server.log().empty() && server.empty(); }));
  EXPECT_FALSE(server.log().front()["written"].get<bool>());
  EXPECT_LT(server.engine().counters().submitted, 500u) << "it was cancelled";
  EXPECT_TRUE(soon([&] { return server.models().find("tiny")->seats.taken() == 0; }));
  const TestReply late =
      server.ask(TestClient::post("/v1/embeddings", body, "X-First-Token-Within: 0.0000001\r\n"));
  EXPECT_EQ(late.status, 429);
  EXPECT_EQ(late.json()["error"]["code"], "too_late");
  EXPECT_EQ(embed(server, R"("input": "a")").status, 200) << "the server goes on";
}

TEST(Embedding, RefusesWhatItCannotDo) {
  ServerSettings settings;
  settings.limits.embedding_values = 4096;
  settings.route = Route{.small = "tiny", .large = "tiny"};
  TestServer server(settings);
  const auto width = server.made().config.width;
  const json far(std::vector<int>(static_cast<std::size_t>(server.made().config.context), 5));
  json many = json::array();
  for (std::int64_t i = 0; i <= 4096 / width; ++i) many.push_back("a");
  const std::pair<std::string, const char*> cases[] = {
      {R"("input": "")", "without text"},
      {R"("input": [])", "neither a string nor a list"},
      {R"("input": [[]])", "without text"},
      {R"("input": ["a", ""])", "without text"},
      {R"("input": 3)", "neither a string nor a list"},
      {R"("input": [-1])", "no whole number"},
      {R"("input": [99999999])", "beyond the vocabulary"},
      {R"("input": ["a", 3])", "neither text nor tokens"},
      {R"("input": )" + far.dump(), "are possible"},
      {R"("input": )" + many.dump(), "are more than 4096"},
      {R"("input": "a", "dimensions": 7)", "means nothing by itself"},
      {R"("input": "a", "encoding_format": "hex")", "is not float or base64"},
      {R"("input": "a", "temperature": 1)", "is not a field"},
      {R"("nothing": "a")", "input is missing"}};
  for (const auto& [fields, says] : cases) {
    const TestReply reply = embed(server, fields);
    EXPECT_EQ(reply.status, 400) << fields.substr(0, 100);
    EXPECT_NE(reply.body.find(says), std::string::npos) << reply.body;
  }
  EXPECT_EQ(embed(server, R"("input": "a", "dimensions": )" + std::to_string(width)).status, 200);
  EXPECT_EQ(server.post("/v1/embeddings", R"({"model": "other", "input": "a"})").status, 404);
  const TestReply routed = server.post("/v1/embeddings", R"({"model": "auto", "input": "a"})");
  EXPECT_EQ(routed.status, 400);
  EXPECT_NE(routed.body.find("cannot be compared"), std::string::npos);
}

}  // namespace
}  // namespace aisp::front
