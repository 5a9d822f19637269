// See duel_answers.h.
#include "bench/duel_answers.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <sstream>

#include "bench/clock.h"
#include "machine/cpu.h"
#include "machine/vector_state.h"

namespace aisp::bench {
namespace {

// Calls longer than this refill their own caches within the epoch; shorter ones get an untimed call
// first, because the other side has just run.
constexpr double kWarmUpBelowNs = 2e6;

// False when nobody listens any more.
bool say(int to, const std::string& line) {
  const std::string text = line + "\n";
  return write(to, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string answer_epoch(const Contender& contender, std::uint64_t iterations, double& least_ns) {
  if (machine::cpu().avx2) machine::clear_upper_halves();
  if (!contender.before_each && least_ns < kWarmUpBelowNs) contender.run(1);
  bool conflict = false;
  const Sample sample = time_epoch(contender, iterations, &conflict);
  least_ns = least_ns == 0.0 ? sample.wall_ns : std::min(least_ns, sample.wall_ns);
  return fmt::format("{:.17g} {:.17g} {}", sample.wall_ns, sample.cpu_ns, conflict ? 1 : 0);
}

int converse(const DuelAnswers& answers) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // What the job prints must not end up in the conversation.
  const int out = dup(1);
  dup2(2, 1);
  std::string line;
  if (!std::getline(std::cin, line)) return 4;
  ns_per_tick();
  if (!say(out, dump(answers.ready(Json::parse(line))))) return 4;
  while (std::getline(std::cin, line)) {
    if (line == "end") return say(out, dump(answers.end())) ? 0 : 4;
    std::istringstream words(line);
    std::string command;
    std::size_t index = 0;
    std::uint64_t iterations = 0;
    words >> command >> index >> iterations;
    if (command != "time" || !words || iterations == 0) return 4;
    if (!say(out, answers.time(index, iterations))) return 4;
  }
  return 0;
}

}  // namespace aisp::bench
