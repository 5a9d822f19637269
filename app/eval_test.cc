// `aisp eval` through the real binary on made models: figures that must be, gates that must trip,
// questions that must be refused in one line, and an interrupt that leaves nothing behind.
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/program_fixture.h"

namespace aisp {
namespace {

class EvalCommand : public Program {
 protected:
  std::string make(const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"model", "make",  "--outliers",
                                          "0.01",  "--out", path(name)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended made = run(arguments);
    EXPECT_EQ(made.code, 0) << made.text;
    return path(name);
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string text(int sentences) {
    std::string words;
    for (int i = 0; i < sentences; ++i) {
      words += "Sentence " + std::to_string(i) + " of a text that a model reads. ";
    }
    return write("text", words);
  }
  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(path(name)) << content;
    return path(name);
  }
  Ended eval(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "eval");
    return run(arguments);
  }
  // Without the lines of progress before it.
  static nlohmann::json json_of(const Ended& ended) {
    return nlohmann::json::parse(ended.text.substr(ended.text.find('{')));
  }
};

TEST_F(EvalCommand, PerplexityByBothDefinitions) {
  const std::string model = make("m.gguf", {"--arch", "llama", "--type", "q8_0"}), f = text(12);
  const Ended halves = eval({"perplexity", model, "--text", f, "--context", "64", "--json"});
  ASSERT_EQ(halves.code, 0) << halves.text;
  const nlohmann::json one = json_of(halves);
  EXPECT_EQ(one["schema"], "aisp.eval_perplexity");
  EXPECT_EQ(one["definition"], "llama.cpp");
  EXPECT_EQ(one["tokens_scored"], one["windows"].get<int>() * 31);
  EXPECT_NEAR(one["perplexity"].get<double>(), std::exp(one["mean_nll"].get<double>()), 1e-6);
  // A model of noise foretells nothing: its loss is log(512) and the variance of its logits.
  EXPECT_GT(one["mean_nll"].get<double>(), std::log(512.0));
  const Ended strides = eval({"perplexity", model, "--text", f, "--context", "64", "--stride", "16",
                              "--tokens", "200", "--json"});
  EXPECT_EQ(json_of(strides)["tokens_scored"], 199);
  const Ended words = eval({"perplexity", model, "--text", f, "--context", "64"});
  EXPECT_NE(words.text.find("windows as llama.cpp defines them"), std::string::npos) << words.text;
}

TEST_F(EvalCommand, DriftHasAGate) {
  const std::string a = make("a.gguf", {"--arch", "llama", "--type", "f32"}),
                    b = make("b.gguf", {"--arch", "llama", "--type", "q4_0"}), f = text(6);
  const Ended same = eval({"drift", a, a, "--text", f, "--max-mean-kl", "0", "--min-top1", "1"});
  EXPECT_EQ(same.code, 0) << same.text;
  const Ended within = eval({"drift", a, b, "--text", f, "--max-mean-kl", "0.5", "--json"});
  EXPECT_EQ(within.code, 0) << within.text;
  const nlohmann::json d = json_of(within);
  EXPECT_GT(d["mean_kl"].get<double>(), 0.002);
  EXPECT_LT(d["top_1"].get<double>(), 1.0);
  ASSERT_EQ(d["worst_positions"].size(), 5u);
  EXPECT_EQ(d["worst_positions"][0]["kl"], d["kl_max"]);
  const Ended beyond = eval({"drift", a, b, "--text", f, "--max-mean-kl", "0.002", "--max-kl99",
                             "0.01", "--min-top1", "0.99"});
  EXPECT_EQ(beyond.code, 1) << beyond.text;
  for (const char* part : {"mean KL", "99 % KL", "top-1 agreement"}) {
    EXPECT_NE(beyond.text.find(std::string("beyond the bound: ") + part), std::string::npos);
  }
}

TEST_F(EvalCommand, DriftOfTheEngineAndOfItsCache) {
  const std::string model = make("m.gguf", {"--arch", "qwen3", "--type", "f32"}), f = text(3);
  const Ended exact = eval({"drift", model, "--reference", "--kv-b", "f32", "--text", f,
                            "--max-mean-kl", "1e-10", "--min-top1", "1"});
  EXPECT_EQ(exact.code, 0) << exact.text;
  const Ended rounded =
      eval({"drift", model, "--kv-a", "f32", "--kv-b", "i8", "--text", f, "--json"});
  const double kl = json_of(rounded)["mean_kl"].get<double>();
  EXPECT_GT(kl, 1e-10);
  EXPECT_LT(kl, 0.002);
}

TEST_F(EvalCommand, DriftOfPromptsShowsTheWorst) {
  const std::string a = make("a.gguf", {"--arch", "llama", "--type", "f32"}),
                    b = make("b.gguf", {"--arch", "llama", "--type", "q4_0"});
  const std::string prompts =
      write("prompts",
            "{\"prompt\": \"Once upon a time\"}\n\n"
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}\n");
  const Ended shown = eval({"drift", a, b, "--prompts", prompts, "--worst", "2"});
  EXPECT_EQ(shown.code, 0) << shown.text;
  EXPECT_NE(shown.text.find("mean KL"), std::string::npos);
  EXPECT_NE(shown.text.find("in prompt of line 3"), std::string::npos) << shown.text;
}

TEST_F(EvalCommand, BadQuestionsAreOneLine) {
  const std::string a = make("a.gguf", {"--arch", "llama"}),
                    other = make("b.gguf", {"--arch", "llama", "--vocab", "600"}), f = text(2);
  const std::string bad = write("bad", "{\"prompt\": 7}\n"), empty = write("empty", "");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"perplexity", a, "--text", "/nowhere"}, "cannot be read"},
      {{"perplexity", a, "--text", empty}, "fewer than two tokens"},
      {{"perplexity", a, "--text", f, "--context", "2000"}, "less than one window"},
      {{"perplexity", a, "--text", f, "--context", "16", "--stride", "17"}, "above the window"},
      {{"perplexity", "/nowhere", "--text", f}, "cannot be read"},
      {{"drift", a, a}, "one of --text and --prompts"},
      {{"drift", a, "--text", f}, "nothing to compare"},
      {{"drift", a, other, "--text", f}, "another vocabulary"},
      {{"drift", a, a, "--prompts", bad}, "is no prompt"},
      {{"drift", a, a, "--prompts", empty}, "has no prompts"},
      {{"drift", a, a, "--prompts", f}, "is no prompt"},
      {{"drift", a, a, "--text", f, "--scratch", "/nonexistent"}, "--scratch"},
      {{"drift", a, a, "--text", f, "--kv-b", "i4"}, "--kv-b"},
      {{"drift", a, "--reference", "--kv-a", "i8", "--text", f}, "keeps no keys"},
      {{"drift", a, a, "--text", f, "--min-top1", "95"}, "--min-top1"}};
  for (const auto& [arguments, says] : cases) {
    const Ended ended = eval(arguments);
    EXPECT_EQ(ended.code, 4) << ended.text;
    EXPECT_NE(ended.text.find(says), std::string::npos) << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
  }
}

// The disk is full after a megabyte: one line, and no file stays.
TEST_F(EvalCommand, AFullDiskIsOneLine) {
  const std::string a = make("a.gguf", {"--arch", "llama"});
  fs::create_directory(path("scratch"));
  const Ended ended =
      run({"eval", "drift", a, a, "--text", text(40), "--scratch", path("scratch")}, 1 << 20);
  EXPECT_EQ(ended.code, 4) << ended.text;
  EXPECT_NE(ended.text.find("cannot be written"), std::string::npos) << ended.text;
  EXPECT_TRUE(fs::is_empty(path("scratch")));
}

TEST_F(EvalCommand, CtrlCLeavesNothing) {
  const std::string a = make("a.gguf", {"--arch", "qwen2", "--type", "q8_0"});
  fs::create_directory(path("scratch"));
  const pid_t child =
      start({"eval", "drift", a, "--reference", "--text", text(400), "--scratch", path("scratch")},
            path("log"));
  while (text_of(path("log")).find("reference") == std::string::npos &&
         waitpid(child, nullptr, WNOHANG) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 130) << text_of(path("log"));
  EXPECT_TRUE(fs::is_empty(path("scratch")));
}

}  // namespace
}  // namespace aisp
