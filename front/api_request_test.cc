// Bodies of requests: what is read, what is refused, and anything at all.
#include "front/api_request.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/rng.h"

namespace aisp::front {
namespace {

ApiRequest chat(const std::string& fields) {
  return read_request(
      Kind::kChat,
      R"({"model": "m", "messages": [{"role": "user", "content": "hi"}])" + fields + "}", {});
}
ApiRequest completion(const std::string& fields) {
  return read_request(Kind::kCompletion, R"({"model": "m", "prompt": "hi")" + fields + "}", {});
}
// The message of the refusal, "" when there is none.
template <typename Read>
std::string refusal(Read read) {
  try {
    read();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status, 400);
    return error.message;
  }
  return "";
}

TEST(ApiRequest, ReadsEveryField) {
  const ApiRequest asked = completion(
      R"(, "max_tokens": 7, "n": 2, "stop": ["a", "b"], "stream": true,
      "stream_options": {"include_usage": true}, "temperature": 0.5, "top_p": 0.9, "top_k": 5,
      "min_p": 0.1, "presence_penalty": 1, "frequency_penalty": -1, "repetition_penalty": 1.2,
      "logit_bias": {"3": 5, "4": -100}, "seed": 11, "ignore_eos": true, "echo": false,
      "user": "me", "suffix": null, "best_of": 2, "logprobs": 3)");
  EXPECT_EQ(asked.max_tokens, 7);
  EXPECT_EQ(asked.choices, 2);
  EXPECT_EQ(asked.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(asked.stream && asked.include_usage && asked.ignore_end && asked.seeded);
  EXPECT_FLOAT_EQ(asked.sampling.temperature, 0.5f);
  EXPECT_FLOAT_EQ(asked.sampling.top_p, 0.9f);
  EXPECT_EQ(asked.sampling.top_k, 5);
  EXPECT_FLOAT_EQ(asked.sampling.repetition, 1.2f);
  EXPECT_EQ(asked.sampling.bias.size(), 2u);
  EXPECT_EQ(asked.sampling.seed, 11u);
  EXPECT_EQ(asked.logprobs, 3);
  EXPECT_EQ(chat(R"(, "max_completion_tokens": 9)").max_tokens, 9);
  EXPECT_EQ(chat(R"(, "logprobs": true, "top_logprobs": 2)").logprobs, 2);
  EXPECT_EQ(chat(R"(, "logprobs": true)").logprobs, 0);
  EXPECT_EQ(chat("").logprobs, -1);
  EXPECT_EQ(completion(R"(, "top_p": 0)").sampling.top_k, 1);
}

TEST(ApiRequest, ReadsEveryFormOfPrompt) {
  const auto prompts = [](const std::string& prompt) {
    return read_request(Kind::kCompletion, R"({"model": "m", "prompt": )" + prompt + "}", {})
        .prompts;
  };
  EXPECT_EQ(prompts(R"("a")"), (std::vector<Prompt>{"a"}));
  EXPECT_EQ(prompts(R"(["a", "b"])"), (std::vector<Prompt>{"a", "b"}));
  EXPECT_EQ(prompts("[1, 2]"), (std::vector<Prompt>{std::vector<serve::Token>{1, 2}}));
  EXPECT_EQ(prompts("[[1], [2, 3]]"),
            (std::vector<Prompt>{std::vector<serve::Token>{1}, std::vector<serve::Token>{2, 3}}));
  for (const char* bad : {"3", "[]", "[1, \"a\"]", "[\"a\", 1]", "[-1]", "[1.5]", "[[\"a\"]]",
                          "[4294967296]", "{}", "null", "[null]"}) {
    EXPECT_NE(refusal([&] { prompts(bad); }), "") << bad;
  }
}

TEST(ApiRequest, MakesMessagesThatTemplatesRead) {
  const ApiRequest asked = read_request(Kind::kChat, R"({"model": "m", "messages": [
      {"role": "developer", "content": "be brief"},
      {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
      {"role": "assistant", "content": null, "refusal": null, "tool_calls":
        [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}]},
      {"role": "tool", "tool_call_id": "1", "content": "42"}],
      "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"})",
                                        {});
  EXPECT_EQ(asked.messages[0]["role"], "system");
  EXPECT_EQ(asked.messages[1]["content"], "a\nb");
  EXPECT_EQ(asked.messages[2]["tool_calls"][0]["function"]["arguments"]["x"], 1);
  EXPECT_EQ(asked.messages[3]["tool_call_id"], "1");
  EXPECT_EQ(asked.tools.size(), 1u);
}

TEST(ApiRequest, ReadsFormatsOfAnswers) {
  EXPECT_FALSE(chat(R"(, "response_format": {"type": "text"})").schema.has_value());
  EXPECT_EQ(chat(R"(, "response_format": {"type": "json_object"})").schema, R"({"type":"object"})");
  EXPECT_EQ(chat(R"(, "response_format": {"type": "json_schema", "json_schema": {"name": "n",
      "strict": true, "schema": {"type": "integer"}}})")
                .schema,
            R"({"type":"integer"})");
}

TEST(ApiRequest, RefusesWhatItWouldHaveToIgnore) {
  const std::pair<const char*, const char*> cases[] = {
      {R"(, "temprature": 1)", "temprature is not a field"},
      {R"(, "temperature": 3)", "temperature is not a number from 0 to 2"},
      {R"(, "temperature": "1")", "temperature"},
      {R"(, "n": 0)", "n is not a whole number"},
      {R"(, "n": 1.5)", "n is not a whole number"},
      {R"(, "n": 17)", "from 1 to 16"},
      {R"(, "max_tokens": 0)", "max_tokens"},
      {R"(, "max_tokens": 18446744073709551615)", "max_tokens"},
      {R"(, "stop": [1])", "stop"},
      {R"(, "stop": "")", "stop"},
      {R"(, "stream": 1)", "stream is not true or false"},
      {R"(, "stream_options": {"include_usage": true})", "goes with stream"},
      {R"(, "logit_bias": {"a": 1})", "logit_bias"},
      {R"(, "logit_bias": {"1": 101})", "logit_bias"},
      {R"(, "logit_bias": [1])", "logit_bias"},
      {R"(, "model": 3)", "model is not a string"}};
  for (const auto& [fields, says] : cases) {
    EXPECT_NE(refusal([&] { chat(fields); }).find(says), std::string::npos) << fields;
  }
  const std::pair<const char*, const char*> of_chats[] = {
      {R"(, "tool_choice": "required")", "tool_choice"},
      {R"(, "top_logprobs": 2)", "top_logprobs goes with logprobs"},
      {R"(, "modalities": ["audio"])", "modalities"},
      {R"(, "response_format": {"type": "yaml"})", "response_format.type"},
      {R"(, "response_format": {"type": "json_schema"})", "json_schema is missing"},
      {R"(, "max_tokens": 1, "max_completion_tokens": 2)", "two names"},
      {R"(, "functions": [])", "functions is not a field"},
      {R"(, "prompt": "x")", "prompt is not a field"},
      {R"(, "tools": [1])", "tools"}};
  for (const auto& [fields, says] : of_chats) {
    EXPECT_NE(refusal([&] { chat(fields); }).find(says), std::string::npos) << fields;
  }
  for (const char* fields :
       {R"(, "suffix": "x")", R"(, "best_of": 3)", R"(, "echo": true, "logprobs": 1)",
        R"(, "messages": [])", R"(, "logprobs": true)"}) {
    EXPECT_NE(refusal([&] { completion(fields); }), "") << fields;
  }
  for (const char* message :
       {R"({"role": "user"})", R"({"content": "a"})", R"({"role": "king", "content": "a"})", "1",
        R"({"role": "user", "content": [{"type": "image_url", "image_url": "x"}]})",
        R"({"role": "user", "content": 1})", R"({"role": "user", "content": "a", "audio": 1})",
        R"({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "["}}]})",
        R"({"role": "assistant", "tool_calls": [1]})"}) {
    const std::string body = R"({"model": "m", "messages": [)" + std::string(message) + "]}";
    EXPECT_NE(refusal([&] { read_request(Kind::kChat, body, {}); }), "") << message;
  }
}

TEST(ApiRequest, LimitsWhatAStrangerCanMakeItBuild) {
  const auto refused = [](const std::string& body) {
    return refusal([&] { read_request(Kind::kCompletion, body, {}); });
  };
  EXPECT_NE(refused("").find("not JSON"), std::string::npos);
  EXPECT_NE(refused("\"\xff\"").find("not JSON"), std::string::npos);
  EXPECT_NE(refused("[]").find("not a JSON object"), std::string::npos);
  EXPECT_NE(refused(std::string(100'000, '[')).find("too deeply"), std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 1'100'000; ++i) many += "0,";
  EXPECT_NE(refused(many + "0]").find("too many values"), std::string::npos);
  std::string wide = "{\"a\": 0";
  for (int i = 0; i < 2000; ++i) wide += ", \"n" + std::to_string(i) + "\": 0";
  EXPECT_NE(refused(wide + "}").find("too many names"), std::string::npos);
  std::string stops = "[\"a\"";
  for (int i = 0; i < 16; ++i) stops += ", \"a\"";
  EXPECT_NE(refusal([&] { completion(", \"stop\": " + stops + "]"); }), "");
  EXPECT_NE(refusal([&] { completion(", \"stop\": \"" + std::string(257, 'a') + "\""); }), "");
}

// AISP_FUZZ_RUNS: runs (2,000; a million is an hour).
TEST(ApiRequest, TakesAnyBody) {
  const char* given = std::getenv("AISP_FUZZ_RUNS");
  const std::uint64_t runs = given == nullptr ? 2000 : std::strtoull(given, nullptr, 10);
  const std::string both =
      R"("stop":["x"],"n":1,"logit_bias":{"3":1.5},"stream":true,"seed":-1,)"
      R"("stream_options":{"include_usage":true},"temperature":0.5,"response_format":)"
      R"({"type":"json_schema","json_schema":{"schema":{}}}})";
  const std::pair<Kind, std::string> seeds[] = {
      {Kind::kCompletion, R"({"model":"m","prompt":["a",[1]],"logprobs":2,)" + both},
      {Kind::kChat,
       R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},)"
       R"({"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f",)"
       R"("arguments":"{}"}}]}],"tools":[{}],"logprobs":true,)" +
           both}};
  const std::string words[] = {"null",     "true",
                               "[",        "]",
                               "{",        "}",
                               ",",        ":",
                               "\"",       "-1",
                               "1e999",    "\\u0000",
                               "\\ud800",  "\"\"",
                               "0",        "18446744073709551616",
                               "[[[[",     "\"content\":",
                               "\"text\"", "\"prompt\":[[1,2],[3]],"};
  std::uint64_t taken = 0;
  for (std::uint64_t run = 0; run < runs; ++run) {
    Rng rng(derive_seed(8, run));
    auto [kind, body] = seeds[rng.below(2)];
    for (std::uint64_t edits = rng.below(4); edits > 0; --edits) {
      const std::size_t at = rng.below(body.size() + 1);
      switch (rng.below(3)) {
        case 0:
          body.insert(at, words[rng.below(std::size(words))]);
          break;
        case 1:
          body.erase(at, rng.below(12));
          break;
        default:
          if (at < body.size()) body[at] = static_cast<char>(rng.next());
      }
    }
    try {
      read_request(kind, body, {});
      ++taken;
    } catch (const ApiError&) {
    } catch (const std::exception& error) {
      FAIL() << "run " << run << ": " << error.what() << "\n" << body;
    }
  }
  EXPECT_GT(taken, runs / 20) << "some mutations are still requests";
}

}  // namespace
}  // namespace aisp::front
