// See user_command.h.
#include "doctor/measures/user_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "bench/descriptor.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] void become(const std::string& line, int out,
                         const std::map<std::string, std::string>& more) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_DFL);
  for (const auto& [name, value] : more) setenv(name.c_str(), value.c_str(), 1);
  const int in = open("/dev/null", O_RDONLY);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  execl("/bin/sh", "sh", "-c", line.c_str(), static_cast<char*>(nullptr));
  _exit(127);
}

// Collects output until the end of the stream or the limit; true when it ended.
bool drain(int fd, double limit_s, std::string& output) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  const auto start = Clock::now();
  char buffer[16384];
  for (double left = limit_s; left > 0; left = limit_s - since(start)) {
    pollfd waiting = {fd, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(left * 1000) + 1) <= 0) continue;
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    if (output.size() < kMost) output.append(buffer, static_cast<std::size_t>(got));
  }
  return false;
}

struct Choice {
  std::size_t begin = 0, end = 0;  // of "{name=a|b}" in the command
  std::string name;
  std::vector<std::string> values;
};

std::vector<Choice> parse_choices(const std::string& command) {
  std::vector<Choice> all;
  for (std::size_t at = 0; (at = command.find('{', at)) != std::string::npos;) {
    const std::size_t close = command.find('}', at);
    if (close == std::string::npos) break;
    const std::string inside = command.substr(at + 1, close - at - 1);
    const std::size_t equals = inside.find('=');
    const bool word = equals != std::string::npos && equals > 0 &&
                      std::all_of(inside.begin(), inside.begin() + static_cast<long>(equals),
                                  [](unsigned char c) { return std::isalnum(c) || c == '_'; });
    if (word) {
      Choice choice{at, close + 1, inside.substr(0, equals), {}};
      for (const auto value : machine::split(std::string_view(inside).substr(equals + 1), '|')) {
        choice.values.emplace_back(value);
      }
      if (!choice.values.empty()) all.push_back(std::move(choice));
    }
    at = close + 1;
  }
  return all;
}

void must_succeed(const CommandRun& run, const std::string& line) {
  if (run.late) {
    throw Error("a run takes longer than the time for this measurement", line,
                "give a shorter step, such as fewer iterations");
  }
  if (run.status != 0) {
    throw Error(fmt::format("ends with status {}", run.status), line, "give a command that works");
  }
}

}  // namespace

CommandRun run_command(const std::string& line, double limit_s,
                       const std::map<std::string, std::string>& more) {
  bench::Descriptor read_end, write_end;
  bench::make_pipe(read_end, write_end);
  const auto start = Clock::now();
  const pid_t child = fork();
  if (child < 0) throw Error(std::strerror(errno), "fork", "end some processes");
  if (child == 0) become(line, write_end.fd, more);
  setpgid(child, child);
  write_end.reset();
  CommandRun run;
  const bool ended = drain(read_end.fd, limit_s, run.output);
  run.late = !ended;
  if (!ended) kill(-child, SIGKILL);
  int status = 0;
  rusage usage{};
  // It closed its output, so it ends now, or lives on in silence: that is late too.
  while (wait4(child, &status, WNOHANG, &usage) == 0) {
    if (since(start) > limit_s) {
      run.late = true;
      kill(-child, SIGKILL);
    }
    usleep(200);
  }
  run.seconds = since(start);
  kill(-child, SIGKILL);  // what it left behind in its group
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  run.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  run.peak_bytes = 1024.0 * static_cast<double>(usage.ru_maxrss);
  run.major_faults = static_cast<double>(usage.ru_majflt);
  run.preemptions = static_cast<double>(usage.ru_nivcsw);
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return run;
}

std::vector<std::string> choices(const std::string& command, const std::string& name) {
  for (const Choice& choice : parse_choices(command)) {
    if (choice.name == name) return choice.values;
  }
  return {};
}

std::string chosen(const std::string& command, const std::string& name, const std::string& value) {
  std::string line;
  std::size_t at = 0;
  for (const Choice& choice : parse_choices(command)) {
    line += command.substr(at, choice.begin - at);
    line += choice.name == name ? value : choice.values.front();
    at = choice.end;
  }
  return line + command.substr(at);
}

std::string needs_choice(const Evidence& evidence, const std::string& name) {
  const std::string& command = evidence.subject().command;
  if (choices(command, name).size() >= 2) return "";
  return fmt::format("no --command with a choice {{{}=...|...}} given", name);
}

Json sweep(const std::string& command, const std::string& name, double seconds) {
  const auto start = Clock::now();
  const std::vector<std::string> all = choices(command, name);
  std::vector<std::vector<CommandRun>> runs(all.size());
  for (const std::string& value : all) {
    const std::string line = chosen(command, name, value);
    must_succeed(run_command(line, std::max(0.1, seconds - since(start))), line);
  }
  constexpr std::size_t kMostRounds = 50;
  double round_s = 0.0;
  for (std::size_t round = 0; round < kMostRounds; ++round) {
    if (round > 0 && since(start) + round_s > seconds) break;
    const auto begin = Clock::now();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t k = (i + round) % all.size();
      const std::string line = chosen(command, name, all[k]);
      runs[k].push_back(run_command(line, std::max(1.0, 2.0 * seconds - since(start))));
      must_succeed(runs[k].back(), line);
    }
    round_s = since(begin);
  }
  Json rows = Json::array();
  for (std::size_t k = 0; k < all.size(); ++k) {
    Json row = {{"value", all[k]}, {"seconds", Json::array()}, {"cpu_seconds", Json::array()}};
    double peak = 0.0;
    for (const CommandRun& run : runs[k]) {
      row["seconds"].push_back(run.seconds);
      row["cpu_seconds"].push_back(run.cpu_seconds);
      peak = std::max(peak, run.peak_bytes);
    }
    row["peak_bytes"] = peak;
    rows.push_back(std::move(row));
  }
  return {{"name", name}, {"rows", rows}};
}

Json repeated(const std::string& command, double seconds) {
  static std::pair<std::string, Json> last;
  if (last.first == command) return last.second;
  const std::string line = chosen(command, "", "");
  const auto start = Clock::now();
  Json found = {{"seconds", Json::array()},
                {"major_faults", Json::array()},
                {"preemptions", Json::array()},
                {"cpu_seconds", Json::array()}};
  constexpr int kMostRuns = 50;
  double longest = 0.0;
  for (int i = 0; i < kMostRuns && (i < 2 || since(start) + longest < seconds); ++i) {
    const CommandRun run = run_command(line, std::max(1.0, 2.0 * seconds - since(start)));
    must_succeed(run, line);
    longest = std::max(longest, run.seconds);
    found["seconds"].push_back(run.seconds);
    found["cpu_seconds"].push_back(run.cpu_seconds);
    found["major_faults"].push_back(run.major_faults);
    found["preemptions"].push_back(run.preemptions);
  }
  last = {command, found};
  return found;
}

}  // namespace aisp::doctor
