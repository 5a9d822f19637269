// A crowd of clients of every kind for a while: afterwards nothing is held, and memory has not
// grown. AISP_SOAK_SECONDS: how long (1; with 20 or more, growth is judged too).
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "base/rng.h"
#include "front/server_fixture.h"

namespace aisp::front {
namespace {

double resident_mib() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  long all = 0, resident = 0;
  const int read = file == nullptr ? 0 : std::fscanf(file, "%ld %ld", &all, &resident);
  if (file != nullptr) std::fclose(file);
  return read == 2 ? static_cast<double>(resident) * 4096.0 / 0x1p20 : 0.0;
}

// One request of a random kind; true when it was answered with 200 as a whole.
bool visit(TestServer& server, Rng& rng) {
  const std::string prompt = "text " + std::to_string(rng.below(50));
  const std::string body = R"({"model": "tiny", "prompt": ")" + prompt +
                           R"(", "ignore_eos": true, "max_tokens": )" +
                           std::to_string(1 + rng.below(200));
  TestClient client = server.client();
  switch (rng.below(6)) {
    case 0:  // leaves in the middle
      client.send(TestClient::post("/v1/completions", body + R"(, "stream": true})"));
      client.wait_for("data: ");
      if (rng.below(2) == 0) client.reset();
      return false;
    case 1:  // nonsense
      client.send(std::string(1 + rng.below(300), static_cast<char>(rng.next())));
      client.end_sending();
      return client.read().status == 200;
    case 2:  // leaves before its answer
      client.send(TestClient::post("/v1/completions", body + "}"));
      return false;
    case 3:
      return client.ask(TestClient::post("/v1/completions", body + R"(, "stream": true})")).whole;
    default:
      return client.ask(TestClient::post("/v1/completions", body + R"(, "n": 2})")).status == 200;
  }
}

TEST(Soak, LeavesNothingBehind) {
  const char* given = std::getenv("AISP_SOAK_SECONDS");
  const double seconds = given == nullptr ? 1.0 : std::strtod(given, nullptr);
  TestServer server({.max_running = 8, .slots = 24});
  std::atomic<int> answered = 0, visits = 0;
  const auto begin = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  double early_mib = 0.0;
  std::vector<std::thread> clients;
  for (std::uint64_t i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      Rng rng(i);
      while (elapsed() < seconds) {
        answered += visit(server, rng);
        ++visits;
      }
    });
  }
  while (elapsed() < seconds / 3.0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  early_mib = resident_mib();
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(soon([&] { return server.empty(); }));
  EXPECT_TRUE(soon([&] { return server.models().find("tiny")->requests == 0; }));
  EXPECT_GT(answered, 0);
  std::printf("%d visits, %d answered, %.1f MiB after a third, %.1f at the end\n", visits.load(),
              answered.load(), early_mib, resident_mib());
  // The log lines that the fixture keeps are about 500 bytes each.
  const double kept_mib = visits * 600.0 / 0x1p20;
  if (seconds >= 20.0) {
    EXPECT_LT(resident_mib(), early_mib * 1.1 + kept_mib + 8.0);
  }
}

}  // namespace
}  // namespace aisp::front
