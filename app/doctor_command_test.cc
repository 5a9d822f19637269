// `aisp doctor` through the real binary: forms, exit codes, fleets, the metrics server, and one
// line for what cannot be.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/program_fixture.h"

namespace aisp::app {
namespace {

class DoctorCommand : public Program {
 protected:
  Ended doctor(std::vector<std::string> words) {
    words.insert(words.begin(), "doctor");
    return run(words);
  }
  static std::string tree(const std::string& name) {
    return std::string(AISP_SOURCE_DIR "/doctor/trees/") + name;
  }
};

TEST_F(DoctorCommand, BadInputIsOneLineAndExitCode4) {
  const std::vector<std::vector<std::string>> bad = {{"--tree", folder_ + "/none"},
                                                     {"--explain", "swap-of"},
                                                     {"--item", "nothing*"},
                                                     {"--pid", "99999999"},
                                                     {"--data", folder_ + "/none"},
                                                     {"--fleet", folder_ + "/none"},
                                                     {"--serve", "nowhere"},
                                                     {"--compare", folder_, folder_},
                                                     {"--unknown"},
                                                     {"--record", AISP_SOURCE_DIR},
                                                     {"--window", "-1"}};
  for (const auto& words : bad) {
    const Ended ended = doctor(words);
    EXPECT_EQ(ended.code, 4) << words[0] << ": " << ended.text;
    EXPECT_EQ(std::count(ended.text.begin(), ended.text.end(), '\n'), 1) << ended.text;
    EXPECT_EQ(ended.text.substr(0, 6), "aisp: ") << ended.text;
  }
}

TEST_F(DoctorCommand, EveryFormHoldsWhatARecordedMachineLacks) {
  EXPECT_EQ(doctor({"--tree", tree("bad_node"), "--strict"}).code, 1);
  const auto document = nlohmann::json::parse(doctor({"--tree", tree("bad_node"), "--json"}).text);
  EXPECT_EQ(document.at("rows").size(), document.at("summary").at("items").get<std::size_t>());
  EXPECT_GT(document.at("summary").at("fail").get<int>(), 0);
  for (const char* form : {"--md", "--html"}) {
    const Ended ended = doctor({"--tree", tree("bad_node"), form});
    EXPECT_EQ(ended.code, 0);
    EXPECT_NE(ended.text.find("pcie-link-state"), std::string::npos) << form;
  }
}

TEST_F(DoctorCommand, AFleetNamesWhoDidNotAnswer) {
  std::ofstream(folder_ + "/hosts") << "one\ntwo\n# none\n";
  const std::vector<std::string> words = {"--fleet", folder_ + "/hosts", "--collect-in",
                                          folder_ + "/answers"};
  auto local = words;
  local.insert(local.end(), {"--launcher", "env HOST={}"});
  const Ended both = doctor(local);
  EXPECT_EQ(both.code, 0) << both.text;
  EXPECT_NE(both.text.find("2 of 2 machines answered"), std::string::npos) << both.text;
  auto silent = words;
  silent.insert(silent.end(), {"--launcher", "false {}"});
  const Ended none = doctor(silent);
  EXPECT_EQ(none.code, 4);
  EXPECT_NE(none.text.find("two: no answer"), std::string::npos) << none.text;
}

std::string ask(int port, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  char buffer[4096];
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
      write(fd, request.data(), request.size()) > 0) {
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(got));
    }
  }
  close(fd);
  return answer;
}

TEST_F(DoctorCommand, ServesVerdictsUntilItIsTold) {
  const std::string log = folder_ + "/serve";
  const pid_t child = start(
      {"doctor", "--serve", "127.0.0.1:0", "--tree", tree("bad_node"), "--every", "3600"}, log);
  int port = 0;
  std::string metrics;
  for (int i = 0; i < 600 && metrics.find("verdict{") == std::string::npos; ++i) {
    usleep(50'000);
    const std::string text = text_of(log);
    const auto at = text.find("127.0.0.1:");
    if (at != std::string::npos) port = std::atoi(text.c_str() + at + 10);
    if (port != 0) metrics = ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_NE(metrics.find("aisp_doctor_verdict{item=\"pcie-link-state\""), std::string::npos);
  EXPECT_NE(ask(port, "GET /else HTTP/1.1\r\nHost: x\r\n\r\n").find(" 404 "), std::string::npos);
  EXPECT_NE(ask(port, "POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n").find(" 405 "),
            std::string::npos);
  EXPECT_EQ(ask(port, "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n").find(" 200 "),
            std::string::npos);
  EXPECT_NE(ask(port, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").find("ok"), std::string::npos);
  kill(child, SIGTERM);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace aisp::app
