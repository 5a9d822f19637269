// `aisp serve` through the real binary: it listens, ends well, reloads, and refuses what is unsafe.
#include <arpa/inet.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/program_fixture.h"
#include "front/test_client.h"

namespace aisp::app {
namespace {

using front::TestClient;
using Json = nlohmann::json;

bool soon(const std::function<bool()>& done) {
  for (int i = 0; i < 3000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class ServeCommand : public Program {
 protected:
  void SetUp() override {
    model_ = folder_ + "/m.gguf";
    const Ended made = run({"model", "make", "--arch", "llama", "--shape", "tiny", "--type", "q8_0",
                            "--context", "4096", "--out", model_});
    ASSERT_EQ(made.code, 0) << made.text;
  }
  void TearDown() override {
    if (child_ > 0) kill(child_, SIGKILL), waitpid(child_, nullptr, 0);
  }

  void serve(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {
        "serve",       model_, "--listen",      "127.0.0.1:0",
        "--kv-memory", "0.02", "--log",         folder_ + "/lines",
        "--threads",   "1",    "--served-name", "tiny"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    child_ = start(arguments, folder_ + "/serve.log");
    ASSERT_TRUE(soon([&] { return !line("listening").is_null(); }))
        << text_of(folder_ + "/serve.log");
    port_ = line("listening")["port"];
  }
  // The last line of this event, or null.
  Json line(const std::string& event) const {
    std::ifstream file(folder_ + "/lines");
    Json found;
    for (std::string text; std::getline(file, text);) {
      const Json json = Json::parse(text, nullptr, false);
      if (json.is_object() && json.value("event", "") == event) found = json;
    }
    return found;
  }
  int end_code() {
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  static std::string stream(int tokens) {
    return TestClient::post("/v1/completions", R"({"model": "tiny", "prompt": "a", "stream": true,
        "ignore_eos": true, "max_tokens": )" + std::to_string(tokens) +
                                                   "}");
  }

  std::string model_;
  pid_t child_ = -1;
  int port_ = 0;
};

TEST_F(ServeCommand, FinishesItsStreamsBeforeItEnds) {
  serve();
  TestClient client(port_);
  ASSERT_TRUE(client.send(stream(2000)));
  ASSERT_TRUE(client.wait_for("data: "));
  kill(child_, SIGTERM);
  ASSERT_TRUE(soon([&] { return !line("draining").is_null(); }));
  EXPECT_EQ(TestClient(port_).ask(TestClient::get("/ready")).status, 503);
  const front::TestReply reply = client.read();
  EXPECT_TRUE(reply.whole);
  EXPECT_EQ(reply.events().back(), "[DONE]");
  EXPECT_EQ(end_code(), 0);
  EXPECT_FALSE(line("ended").is_null());
}

TEST_F(ServeCommand, CutsStreamsThatTakeTooLong) {
  serve({"--drain-timeout", "0"});
  TestClient client(port_);
  ASSERT_TRUE(client.send(stream(4000)));
  ASSERT_TRUE(client.wait_for("data: "));
  kill(child_, SIGINT);
  const front::TestReply reply = client.read();
  EXPECT_FALSE(reply.whole);
  EXPECT_NE(reply.body.find("the server ended the request"), std::string::npos);
  EXPECT_EQ(end_code(), 0);
}

TEST_F(ServeCommand, ReloadsOnASignal) {
  serve();
  TestClient client(port_);
  ASSERT_TRUE(client.send(stream(3000)));
  ASSERT_TRUE(client.wait_for("data: "));
  kill(child_, SIGHUP);
  EXPECT_TRUE(client.read().whole);
  ASSERT_TRUE(soon([&] { return !line("reload").is_null(); }));
  EXPECT_TRUE(line("reload")["done"].get<bool>());
  EXPECT_EQ(TestClient(port_).ask(stream(4)).status, 200);
  // A file that is no model changes nothing; the one that runs was opened before.
  std::ofstream(folder_ + "/broken") << "GGUF";
  fs::rename(folder_ + "/broken", model_);
  ASSERT_TRUE(soon([&] {
    kill(child_, SIGHUP);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return line("reload").value("problem", "under way") != "under way";
  }));
  EXPECT_FALSE(line("reload")["done"].get<bool>());
  EXPECT_EQ(TestClient(port_).ask(stream(4)).status, 200);
  kill(child_, SIGTERM);
  EXPECT_EQ(end_code(), 0);
}

TEST_F(ServeCommand, ServesTwoModelsAndChoosesBetweenThem) {
  const std::string large = folder_ + "/large.gguf";
  ASSERT_EQ(run({"model", "make", "--arch", "llama", "--shape", "tiny", "--layers", "3", "--type",
                 "q8_0", "--context", "4096", "--out", large})
                .code,
            0);
  serve({large, "--route", "length", "--route-prompt-tokens", "20"});
  EXPECT_EQ(line("loaded")["model"], "large") << "the last of two lines";
  EXPECT_GT(line("loaded")["seconds"], 0.0);
  EXPECT_EQ(line("listening")["models"], Json::parse(R"(["tiny", "large"])"));
  const auto asked = [&](int tokens) {
    return TestClient(port_).ask(TestClient::post(
        "/v1/completions", Json{{"model", "auto"},
                                {"prompt", std::vector<int>(static_cast<std::size_t>(tokens), 5)},
                                {"max_tokens", 2}}
                               .dump()));
  };
  EXPECT_EQ(asked(20).header("X-Routed-To"), "tiny");
  EXPECT_EQ(asked(21).header("X-Routed-To"), "large");
}

TEST_F(ServeCommand, IsReachedByCurl) {
  if (system("curl --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no curl here";
  serve();
  const std::string at = "http://127.0.0.1:" + std::to_string(port_), out = folder_ + "/out";
  // 2 MB: curl asks with Expect whether to send it.
  std::ofstream(folder_ + "/body") << R"({"model": "tiny", "max_tokens": 4, "prompt": ")"
                                   << std::string(2'000'000, 'a') << "\"}";
  const std::string curl = "curl -sS -o " + out + " -w '%{http_code}' ";
  const auto code = [&](const std::string& arguments) {
    EXPECT_EQ(system((curl + arguments + " > " + out + ".code").c_str()), 0);
    return text_of(out + ".code");
  };
  EXPECT_EQ(code(at + "/v1/models"), "200");
  EXPECT_EQ(code(at + "/v1/completions -d @" + folder_ + "/body"), "400");
  EXPECT_NE(text_of(out).find("the model takes 4096"), std::string::npos) << text_of(out);
  EXPECT_EQ(code("-N " + at + R"(/v1/chat/completions -d '{"model": "tiny", "stream": true,
      "max_tokens": 4, "messages": [{"role": "user", "content": "hi"}]}')"),
            "200");
  EXPECT_NE(text_of(out).find("data: [DONE]"), std::string::npos);
}

TEST_F(ServeCommand, RefusesWhatIsUnsafeOrWrongInOneLine) {
  const auto keys = [&](const std::string& text, fs::perms mode = fs::perms::owner_read) {
    std::ofstream(folder_ + "/keys") << text;
    fs::permissions(folder_ + "/keys", mode | fs::perms::owner_write);
    return folder_ + "/keys";
  };
  const std::string good = "alice 0123456789abcdef\n";
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--listen", "0.0.0.0:0"}, "anybody who reaches this address"},
      {{"--listen", "[::]:0"}, "anybody who reaches this address"},
      {{"--listen", "localhost"}, "not an address and a port"},
      {{"--listen", "127.0.0.1:99999"}, "not an address and a port"},
      {{"--listen", "192.0.2.1:0", "--without-keys"}, "choose another address"},
      {{"--api-key-file", folder_ + "/none"}, "cannot be read"},
      {{"--api-key-file", keys(good), "--without-keys"}, "contradict"},
      {{"--model", "small"}, "not NAME=FILE"},
      {{"--route", "length"}, "a route is between two models"},
      {{"--route", "guess", "--model", "large=" + model_}, "--route"},
      {{"--route", "load", "--model", "large=" + model_, "--route-name", "large"},
       "a model has this name"},
      {{"--model", "tiny=" + model_}, "two models have this name"},
      {{"--log", folder_ + "/no/such/folder"}, "cannot be written"},
      {{"--kv", "q3"}, "--kv"}};
  for (const auto& [more, says] : cases) {
    std::vector<std::string> arguments = {"serve", model_,          "--kv-memory",
                                          "0.02",  "--served-name", "tiny"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 4) << says;
    EXPECT_NE(ended.text.find(says), std::string::npos) << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
  }
  for (const char* bad : {"alice short\n", "alice\n", "", "alice 0123456789abcdef x\n",
                          "alice 0123456789abcdef\nbob 0123456789abcdef\n"}) {
    EXPECT_EQ(run({"serve", model_, "--api-key-file", keys(bad)}).code, 4) << bad;
  }
  const Ended readable = run({"serve", model_, "--api-key-file", keys(good, fs::perms::all)});
  EXPECT_NE(readable.text.find("others may read the keys"), std::string::npos) << readable.text;
}

}  // namespace
}  // namespace aisp::app
