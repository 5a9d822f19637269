// A crowd of clients of every kind for a while: afterwards nothing is held, and memory has not
// grown. AISP_SOAK_SECONDS: how long (1; with 20 or more, growth is judged too).
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/rng.h"
#include "front/server_fixture.h"

namespace aisp::front {
namespace {

// What a process holds that could leak.
struct Held {
  double resident_mib = 0.0;
  long files = 0, threads = 0;
};

long entries_of(const char* folder) {
  const std::filesystem::directory_iterator all(folder);
  return std::distance(begin(all), end(all));
}

Held held_now() {
  std::ifstream statm("/proc/self/statm");
  long all = 0, resident = 0;
  statm >> all >> resident;
  return {.resident_mib = static_cast<double>(resident) * 4096.0 / 0x1p20,
          .files = entries_of("/proc/self/fd"),
          .threads = entries_of("/proc/self/task")};
}

// Nothing is asked, nothing is held: as many files and threads as before the clients came.
void expect_as_before(TestServer& server, const Held& before) {
  EXPECT_TRUE(soon([&] { return server.empty(); }));
  EXPECT_TRUE(soon([&] { return server.models().find("tiny")->seats.taken() == 0; }));
  EXPECT_TRUE(soon([&] {
    const Held now = held_now();
    return now.files <= before.files && now.threads <= before.threads;
  })) << held_now().files
      << " files of " << before.files << ", " << held_now().threads << " threads of "
      << before.threads;
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
  ASSERT_EQ(server.complete(R"("prompt": "a")").status, 200);
  const Held before = held_now();
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
  early_mib = held_now().resident_mib;
  for (std::thread& client : clients) client.join();
  expect_as_before(server, before);
  EXPECT_GT(answered, 0);
  std::printf("%d visits, %d answered, %.1f MiB after a third, %.1f at the end\n", visits.load(),
              answered.load(), early_mib, held_now().resident_mib);
  // The log lines that the fixture keeps are about 500 bytes each.
  const double kept_mib = visits * 600.0 / 0x1p20;
  if (seconds >= 20.0) {
    EXPECT_LT(held_now().resident_mib, early_mib * 1.1 + kept_mib + 8.0);
  }
}

// Far more is asked than can be done: every answer is whole or a refusal that says when to come
// again, nobody waits without an end, and afterwards nothing is held. How soon the server is good
// again is measured by tools/serve_behaviour.py, and shown on virtual time by serve/replay_test.cc.
TEST(Soak, ManyTimesTooMuchIsRefusedAndForgotten) {
  TestServer server({.max_running = 4, .slots = 8, .first_token_within_s = 0.5});
  ASSERT_EQ(server.complete(R"("prompt": "a")").status, 200);
  const Held before = held_now();
  std::atomic<int> answered = 0, refused = 0, other = 0, without_hint = 0;
  std::vector<std::thread> clients;
  for (std::uint64_t i = 0; i < 40; ++i) {
    clients.emplace_back([&, i] {
      Rng rng(i);
      for (int visit = 0; visit < 25; ++visit) {
        const TestReply reply = server.complete(
            R"("prompt": "text )" + std::to_string(rng.below(9)) +
            R"(", "ignore_eos": true, "max_tokens": )" + std::to_string(1 + rng.below(60)));
        const bool whole = reply.status == 200 && reply.whole;
        ++(whole ? answered : reply.status == 429 ? refused : other);
        if (reply.status == 429) without_hint += reply.header("Retry-After").empty();
      }
    });
  }
  for (std::thread& client : clients) client.join();
  std::printf("%d answered, %d refused\n", answered.load(), refused.load());
  EXPECT_EQ(answered + refused, 40 * 25);
  EXPECT_EQ(other, 0);
  EXPECT_EQ(without_hint, 0);
  EXPECT_GT(answered, 0);
  EXPECT_GT(refused, answered / 10) << "it was to be too much";
  expect_as_before(server, before);
  EXPECT_EQ(server.complete(R"("prompt": "a")").status, 200);
}

}  // namespace
}  // namespace aisp::front
