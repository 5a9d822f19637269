// See duel_side.h.
#include "bench/duel_side.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>

#include "base/error.h"
#include "bench/duel.h"
#include "bench/supervisor.h"

namespace aisp::bench {

namespace {

// What execve wants: pointers to the texts, which must outlive it.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace

DuelSide::DuelSide(DuelStart start, const Json& job, double time_limit_s)
    : start_(std::move(start)), time_limit_s_(time_limit_s) {
  Descriptor in, out;
  make_pipe(in, to_);
  make_pipe(from_, out);
  const auto arguments = pointers(start_.argv);
  const auto environment = pointers(start_.environment);
  child_ = fork();
  if (child_ == 0) {
    setpgid(0, 0);
    dup2(in.fd, 0);
    dup2(out.fd, 1);
    const int nothing = open("/dev/null", O_WRONLY);
    dup2(nothing, 2);
    execve(arguments[0], arguments.data(),
           start_.environment.empty() ? environ : environment.data());
    _exit(127);
  }
  in.reset();
  out.reset();
  if (child_ < 0) throw Error(std::strerror(errno), "fork", "too many processes are running");
  setpgid(child_, child_);
  signal(SIGPIPE, SIG_IGN);
  try {
    greet(job);
  } catch (...) {
    stop();
    throw;
  }
}

void DuelSide::greet(const Json& job) {
  send(job.dump());
  ready_ = Json::parse(receive(), nullptr, false);
  if (!ready_.is_object() || ready_.value("protocol", "") != kDuelProtocol) {
    lost("does not take part in comparisons");
  }
  for (const Json& one : ready_.at("techniques")) {
    techniques_.push_back({one.at("name"), one.at("fault"), one.at("threads"), one.at("blocks")});
  }
}

DuelSide::~DuelSide() { stop(); }

void DuelSide::stop() {
  if (child_ <= 0) return;
  kill(-child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  child_ = -1;
}

void DuelSide::lost(const std::string& what) { throw Error(what, start_.argv[0], start_.remedy); }

void DuelSide::send(const std::string& line) {
  const std::string text = line + "\n";
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = write(to_.fd, text.data() + at, text.size() - at);
    if (written <= 0) lost("its worker ended unexpectedly");
    at += static_cast<std::size_t>(written);
  }
}

std::string DuelSide::receive() {
  for (int waited_ms = 0;;) {
    const std::size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    pollfd file{from_.fd, POLLIN, 0};
    const int ready = poll(&file, 1, 200);
    if (interrupted()) lost("interrupted");
    if (ready == 0) {
      waited_ms += 200;
      if (waited_ms > 1000.0 * time_limit_s_) lost("its worker gave no answer in time");
      continue;
    }
    char chunk[65536];
    const ssize_t got = read(from_.fd, chunk, sizeof chunk);
    if (got <= 0) lost("its worker ended unexpectedly");
    buffer_.append(chunk, static_cast<std::size_t>(got));
  }
}

Sample DuelSide::time(std::size_t index, std::uint64_t iterations, bool* conflict) {
  send(fmt::format("time {} {}", index, iterations));
  const std::string line = receive();
  std::istringstream words(line);
  Sample sample;
  int in_conflict = 0;
  words >> sample.wall_ns >> sample.cpu_ns >> in_conflict;
  if (!words || !(sample.wall_ns > 0.0)) lost("its worker answered \"" + line + "\"");
  if (conflict != nullptr) *conflict = in_conflict != 0;
  return sample;
}

std::vector<std::pair<std::string, std::string>> DuelSide::end() {
  send("end");
  const Json json = Json::parse(receive(), nullptr, false);
  if (!json.is_object() || !json.contains("faults")) lost("its worker did not end well");
  std::vector<std::pair<std::string, std::string>> faults;
  for (const auto& [name, fault] : json.at("faults").items()) faults.emplace_back(name, fault);
  return faults;
}

}  // namespace aisp::bench
