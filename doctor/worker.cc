// fork, two pipes, lines of JSON. See worker.h.
#include "doctor/worker.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/error.h"

namespace aisp::doctor {
namespace {

using Clock = std::chrono::steady_clock;

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = write(fd, bytes.data(), bytes.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

// One line, within the limit; nothing at the end of the stream or when time is up.
std::optional<std::string> read_one_line(int fd, double limit_s, bool* late) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(limit_s);
  std::string line;
  *late = false;
  for (;;) {
    const double left = std::chrono::duration<double>(deadline - Clock::now()).count();
    if (left <= 0) {
      *late = true;
      return std::nullopt;
    }
    pollfd waiting = {fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left * 1000) + 1);
    if (ready <= 0) continue;
    char buffer[65536];
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    line.append(buffer, static_cast<std::size_t>(got));
    if (line.back() == '\n') return line;
  }
}

[[noreturn]] void child_loop(int in, int out, const std::function<Json(const Json&)>& serve) {
  bool late = false;
  constexpr double kForever = 1e9;
  while (const auto line = read_one_line(in, kForever, &late)) {
    Json answer;
    try {
      answer = serve(Json::parse(*line));
    } catch (const std::exception& problem) {
      answer = {{"error", problem.what()}};
    }
    if (!write_all(out, line_of(answer))) break;
  }
  _exit(0);
}

}  // namespace

void Worker::start() {
  bench::Descriptor child_in, child_out;
  bench::make_pipe(child_in, to_);
  bench::make_pipe(from_, child_out);
  const pid_t parent = getpid();
  child_ = fork();
  if (child_ < 0) {
    throw Error(std::strerror(errno), "fork", "end some processes: no more can be started");
  }
  if (child_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    signal(SIGPIPE, SIG_IGN);
    to_.reset();
    from_.reset();
    child_loop(child_in.fd, child_out.fd, serve_);
  }
}

void Worker::abandon() {
  if (child_ < 0) return;
  to_.reset();
  from_.reset();
  kill(child_, SIGKILL);
  // One that waits in the kernel ends when it can; init collects it after us.
  constexpr int kTries = 20;
  for (int i = 0; i < kTries && waitpid(child_, nullptr, WNOHANG) == 0; ++i) usleep(1000);
  child_ = -1;
}

std::optional<Json> Worker::ask(const Json& question, double limit_s) {
  if (child_ < 0) start();
  bool late = false;
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &before);
  const bool sent = write_all(to_.fd, line_of(question));
  sigaction(SIGPIPE, &before, nullptr);
  const auto line = sent ? read_one_line(from_.fd, limit_s, &late) : std::nullopt;
  if (line) {
    Json answer = Json::parse(*line, nullptr, false);
    if (!answer.is_discarded()) return answer;
  }
  lost_ = late ? fmt::format("did not answer within {:g} s and was cut off", limit_s)
               : std::string("crashed; please report this");
  abandon();
  return std::nullopt;
}

}  // namespace aisp::doctor
