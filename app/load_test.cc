// `aisp load` through the real binary: against a server of known delays, and against the engine.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/program_fixture.h"
#include "load/mock_server.h"

namespace aisp::app {
namespace {

using Json = nlohmann::json;
using load::MockServer;

class LoadTool : public Program {
 protected:
  Ended load(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "load");
    return run(arguments);
  }
  Json record() { return Json::parse(text_of(folder_ + "/r.json")); }
  std::vector<std::string> into_record(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--json", folder_ + "/r.json"});
    return arguments;
  }
};

load::Script serve(const std::string& head, const std::string& body, double first_s, double gap_s) {
  if (head.starts_with("GET /v1/models")) {
    return load::page_script(200, "application/json", "{\"data\":[{\"id\":\"m\"}]}");
  }
  if (head.starts_with("GET /metrics")) {
    static std::atomic<int> scraped{0};
    const std::string count = std::to_string(++scraped * 10);
    return load::page_script(200, "text/plain",
                             "queue_seconds_bucket{le=\"+Inf\"} " + count + "\nqueue_seconds_sum " +
                                 count + "\nqueue_seconds_count " + count + "\n");
  }
  const Json json = Json::parse(body);
  return load::answer_script(json["max_tokens"], first_s, gap_s,
                             static_cast<int>(json["prompt"].size()));
}

TEST_F(LoadTool, MeasuresAServerOfKnownDelays) {
  const MockServer server(
      [](auto& head, auto& body, int) { return serve(head, body, 0.05, 0.01); });
  const Ended ended =
      load(into_record({server.url(), "--rate", "40", "--requests", "60", "--prompt-tokens", "24",
                        "--answer-tokens", "8", "--slo", "ttft=5,tpot=2", "--goodput",
                        "--late-limit", "2000", "--tail", "0", "--html", folder_ + "/r.html"}));
  EXPECT_EQ(ended.code, 0) << ended.text;
  for (const char* says :
       {"model m, completions, prompts as token ids", "TTFT", "ITL", "60 requests in",
        "60 answered", "goodput reached", "of a CPU", "queue_seconds"}) {
    EXPECT_NE(ended.text.find(says), std::string::npos) << says << "\n" << ended.text;
  }
  const Json json = record();
  EXPECT_EQ(json["schema"], "aisp.load");
  const Json& summary = json["runs"][0]["summary"];
  EXPECT_EQ(summary["outcomes"]["answered"], 60);
  EXPECT_EQ(summary["answer_tokens"], 480);
  EXPECT_EQ(summary["prompt_tokens"], 60 * 24);
  EXPECT_EQ(summary["itl_s"]["count"], 60 * 7);
  EXPECT_GE(summary["ttft_s"]["p50"]["estimate"].get<double>(), 0.05);
  EXPECT_GE(summary["tpot_s"]["p50"]["estimate"].get<double>(), 0.01);
  EXPECT_EQ(json["stages"][0]["count"], 10);
  const std::string page = text_of(folder_ + "/r.html");
  EXPECT_NE(page.find("TTFT"), std::string::npos);
}

TEST_F(LoadTool, ReplaysATraceAndHoldsAConversation) {
  const MockServer server([](auto& head, auto& body, int) { return serve(head, body, 0.0, 0.0); });
  const std::string trace = folder_ + "/azure.csv";
  std::ofstream(trace) << "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                          "2023-11-16 18:15:46.6805900,374,44\n"
                          "2023-11-16 18:15:50.9951690,396,109\n";
  Ended ended = load(into_record(
      {server.url(), "--trace", trace, "--scale-lengths", "0.1", "--scale-rate", "10"}));
  EXPECT_EQ(ended.code, 0) << ended.text;
  EXPECT_EQ(record()["runs"][0]["summary"]["answer_tokens"], 4 + 11);
  EXPECT_EQ(record()["runs"][0]["summary"]["prompt_tokens"], 37 + 40);
  // Prompts are words: the server here counts their letters, which is as good as tokens.
  ended = load(into_record({server.url(), "--rate", "50", "--turns", "3", "--requests", "30",
                            "--answer-tokens", "4", "--tail", "0"}));
  EXPECT_EQ(ended.code, 0) << ended.text;
  EXPECT_NE(ended.text.find("conversations of 3 turns"), std::string::npos) << ended.text;
  EXPECT_EQ(record()["runs"][0]["summary"]["outcomes"]["answered"], 30);
}

TEST_F(LoadTool, SweepsToTheRateThatAServerRefuses) {
  // More than 25 requests within half a second: refused. So about 50 a second are kept.
  std::vector<std::chrono::steady_clock::time_point> recent;
  const MockServer server([&](auto& head, auto& body, int) {
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(recent, [&](auto then) { return now - then > std::chrono::milliseconds(500); });
    if (!head.starts_with("POST")) return serve(head, body, 0, 0);
    if (recent.size() >= 25) return load::page_script(429, "text/plain", "", "Retry-After: 1\r\n");
    recent.push_back(now);
    return serve(head, body, 0, 0);
  });
  const Ended ended = load(into_record({server.url(), "--rate", "25", "--sweep", "--slo", "ttft=10",
                                        "--constant", "--requests", "40", "--late-limit", "5000",
                                        "--answer-tokens", "1", "--good-share", "0.8"}));
  EXPECT_EQ(ended.code, 0) << ended.text;
  const Json sweep = record()["sweep"];
  // Of r a second, 50 are kept: 80 % of r up to 62. Bounds far wider than that.
  EXPECT_GE(sweep["met"].get<double>(), 20.0) << ended.text;
  EXPECT_LE(sweep["met"].get<double>(), 110.0) << ended.text;
  EXPECT_NE(ended.text.find("requests/s keep 80.0 %"), std::string::npos) << ended.text;
}

TEST_F(LoadTool, ComparesTwoServersInTurn) {
  const MockServer a([](auto& head, auto& body, int) { return serve(head, body, 0.08, 0.0); });
  const MockServer b([](auto& head, auto& body, int) { return serve(head, body, 0.02, 0.0); });
  const Ended ended = load(into_record({a.url(), "--compare", b.url(), "--concurrency", "4",
                                        "--duration", "6", "--pairs", "10", "--answer-tokens", "3",
                                        "--late-limit", "2000", "--warmup", "0"}));
  EXPECT_EQ(ended.code, 0) << ended.text;
  const Json comparison = record()["comparison"];
  EXPECT_EQ(comparison["rows"][0]["name"], "TTFT p50");
  EXPECT_EQ(comparison["rows"][0]["pairs"], 10);
  EXPECT_EQ(comparison["rows"][0]["verdict"], "faster") << ended.text;
  EXPECT_NE(ended.text.find("B is better"), std::string::npos) << ended.text;
}

TEST_F(LoadTool, TheEngineIsATargetToo) {
  const std::string model = folder_ + "/m.gguf";
  ASSERT_EQ(run({"model", "make", "--arch", "llama", "--shape", "tiny", "--type", "q8_0",
                 "--context", "256", "--out", model})
                .code,
            0);
  Ended ended =
      load(into_record({"--engine", model, "--concurrency", "3", "--requests", "12",
                        "--prompt-tokens", "20-40", "--answer-tokens", "6", "--turns", "2"}));
  EXPECT_EQ(ended.code, 0) << ended.text;
  const Json summary = record()["runs"][0]["summary"];
  EXPECT_EQ(summary["outcomes"]["answered"], 12);
  EXPECT_EQ(summary["answer_tokens"], 72);
  ended = load(into_record({"--engine", model, "--rate", "20", "--requests", "5", "--tail", "0",
                            "--prompt-tokens", "400"}));
  EXPECT_EQ(record()["runs"][0]["summary"]["outcomes"]["other status"], 5);
  EXPECT_NE(ended.text.find("the model takes"), std::string::npos) << ended.text;
}

TEST_F(LoadTool, BadQuestionsAreOneLine) {
  const std::string url = "http://127.0.0.1:9";
  std::ofstream(folder_ + "/key") << "\n";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{}, "give a URL or --engine"},
      {{url, "--engine", "m"}, "give a URL or --engine"},
      {{url}, "one of --rate"},
      {{url, "--rate", "1", "--concurrency", "2"}, "one of --rate"},
      {{"https://a", "--rate", "1"}, "https is not supported"},
      {{"localhost", "--rate", "1"}, "is no http URL"},
      {{url, "--rate", "1"}, "does not answer"},
      {{url, "--rate", "0"}, "--rate"},
      {{url, "--rate", "1", "--goodput"}, "--slo"},
      {{url, "--rate", "1", "--slo", "p99=1"}, "is no objective"},
      {{url, "--concurrency", "1", "--sweep", "--slo", "ttft=1"}, "needs arrivals"},
      {{url, "--rate", "1", "--scale-rate", "2"}, "scale a trace"},
      {{url, "--trace", "/nowhere"}, "cannot be read"},
      {{url, "--rate", "1", "--prompt-tokens", "many"}, "no number of tokens"},
      {{url, "--rate", "1", "--shared-prefix", "5"}, "no shared prefix"},
      {{url, "--rate", "1", "--api-key-file", folder_ + "/key"}, "holds no key"},
      {{url, "--rate", "1", "--header", "a"}, "is no header"},
      {{url, "--rate", "1", "--compare", url, "--pairs", "6"}, "6 pairs have no interval"},
      {{"--engine", "/nowhere.gguf", "--rate", "1"}, "/nowhere.gguf"},
      {{"--engine", "m", "--rate", "1", "--chat"}, "there is no network"},
      {{url, "--rate", "1", "--colour", "red"}, "unknown option --colour"}};
  for (const auto& [arguments, says] : cases) {
    const Ended ended = load(arguments);
    EXPECT_EQ(ended.code, 4) << ended.text;
    EXPECT_NE(ended.text.find(says), std::string::npos) << says << ": " << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
  }
}

}  // namespace
}  // namespace aisp::app
