// Starting and ending one process. See spawn.h.
#include "bench/command/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"
#include "base/interval.h"
#include "bench/clock.h"
#include "bench/descriptor.h"
#include "bench/supervisor.h"

namespace aisp::bench::command {
namespace {

constexpr std::size_t kKeptOutput = 4096;  // shown when a command fails
constexpr int kPipeBytes = 1 << 20;        // the most that an ordinary user gets; fewer switches
constexpr std::size_t kLeftInPipe = 2u << 20;  // read at most this after its end
constexpr int kPollMs = 200;                   // how late an interrupt or a limit may be noticed

std::int64_t now_ns() { return kernel_clock_ns(CLOCK_MONOTONIC); }

// One that a program may write ahead into, and that we read as long as there is something.
void make_output_pipe(Descriptor& read_end, Descriptor& write_end) {
  make_pipe(read_end, write_end);
  fcntl(read_end.fd, F_SETFL, O_NONBLOCK);
  fcntl(read_end.fd, F_SETPIPE_SZ, kPipeBytes);  // refused where the user has too many: then 64 KiB
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> all;
  for (const std::string& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

// The attributes and file actions of posix_spawn, destroyed with the object.
class Recipe {
 public:
  Recipe(const Startable& what, int out, int err) {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, out, 1);
    posix_spawn_file_actions_adddup2(&actions_, err, 2);
    if (!what.cwd.empty()) posix_spawn_file_actions_addchdir_np(&actions_, what.cwd.c_str());
  }
  ~Recipe() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  Recipe(const Recipe&) = delete;
  Recipe& operator=(const Recipe&) = delete;

  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

class Process {
 public:
  Process(const Startable& what, double time_limit_s,
          const std::function<void(std::string_view)>& on_stdout)
      : what_(what), limit_s_(time_limit_s), on_stdout_(on_stdout) {}

  Ended run() {
    Descriptor out_write, err_write;
    make_output_pipe(out_, out_write);
    make_output_pipe(err_, err_write);
    const auto argv = pointers(what_.argv), environment = pointers(what_.environment);
    const Recipe recipe(what_, out_write.fd, err_write.fd);
    begin_ns_ = now_ns();
    const int failure = posix_spawn(&child_, argv[0], &recipe.actions_, &recipe.attributes_,
                                    argv.data(), environment.data());
    if (failure != 0) {
      throw Error(fmt::format("cannot be started: {}", std::strerror(failure)), what_.argv[0],
                  "run it by hand to see more");
    }
    out_write.reset();
    err_write.reset();
    pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, child_, 0)));
    if (pidfd_.fd < 0) {
      end_group();
      throw Error(fmt::format("cannot be waited for: {}", std::strerror(errno)), "pidfd_open",
                  "commands need Linux 5.3 or later");
    }
    watch();
    reap();
    return std::move(ended_);
  }

 private:
  void watch() {
    for (;;) {
      pollfd files[] = {{pidfd_.fd, POLLIN, 0}, {out_.fd, POLLIN, 0}, {err_.fd, POLLIN, 0}};
      const int ready = poll(files, 3, kPollMs);
      const std::int64_t now = now_ns();
      if (ready > 0 && files[0].revents != 0) {
        ended_.wall_ns = static_cast<double>(now - begin_ns_);
        return;
      }
      if (interrupted()) {
        ended_.how = Ended::How::kInterrupted;
        return;
      }
      if (static_cast<double>(now - begin_ns_) * 1e-9 > limit_s_) {
        ended_.how = Ended::How::kTimedOut;
        return;
      }
      if (ready > 0 && files[1].revents != 0) take(out_, true);
      if (ready > 0 && files[2].revents != 0) take(err_, false);
    }
  }

  // Its group is killed while the process itself, dead or not, still holds the group's number.
  void end_group() { kill(-child_, SIGKILL); }

  void reap() {
    end_group();
    int status = 0;
    rusage usage{};
    while (wait4(child_, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    for (std::size_t left = 0; left < kLeftInPipe && out_.fd >= 0; ++left) {
      const std::size_t got = take(out_, true);
      if (got == 0) break;
      left += got;
    }
    for (std::size_t left = 0; left < kLeftInPipe && err_.fd >= 0; ++left) {
      const std::size_t got = take(err_, false);
      if (got == 0) break;
      left += got;
    }
    const auto ns = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
    };
    ended_.user_ns = ns(usage.ru_utime);
    ended_.system_ns = ns(usage.ru_stime);
    ended_.peak_memory_bytes = static_cast<double>(usage.ru_maxrss) * 1024.0;
    ended_.waits = static_cast<double>(usage.ru_nvcsw);
    ended_.preemptions = static_cast<double>(usage.ru_nivcsw);
    if (ended_.how != Ended::How::kExited) return;
    if (WIFSIGNALED(status)) {
      ended_.how = Ended::How::kSignalled;
      ended_.status = WTERMSIG(status);
    } else {
      ended_.status = WEXITSTATUS(status);
    }
  }

  // One read; 0 when nothing is there or the other side has closed.
  std::size_t take(Descriptor& file, bool is_stdout) {
    static thread_local char chunk[1 << 16];
    const ssize_t got = read(file.fd, chunk, sizeof chunk);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (got <= 0) {
      file.reset();
      return 0;
    }
    const std::string_view text(chunk, static_cast<std::size_t>(got));
    if (is_stdout) {
      ended_.stdout_bytes += text.size();
      if (on_stdout_) on_stdout_(text);
    }
    ended_.tail.append(text.substr(text.size() - std::min(text.size(), kKeptOutput)));
    if (ended_.tail.size() > kKeptOutput) ended_.tail.erase(0, ended_.tail.size() - kKeptOutput);
    return text.size();
  }

  const Startable& what_;
  const double limit_s_;
  const std::function<void(std::string_view)>& on_stdout_;
  Descriptor out_, err_, pidfd_;
  pid_t child_ = -1;
  std::int64_t begin_ns_ = 0;
  Ended ended_;
};

}  // namespace

std::string describe(const Ended& ended, double time_limit_s) {
  switch (ended.how) {
    case Ended::How::kExited:
      return fmt::format("exit status {}", ended.status);
    case Ended::How::kSignalled:
      return fmt::format("killed by signal {} ({})", ended.status, strsignal(ended.status));
    case Ended::How::kTimedOut:
      return fmt::format("no end within {:.4g} s", time_limit_s);
    case Ended::How::kInterrupted:
      return "interrupted";
  }
  return "?";
}

Ended run_process(const Startable& what, double time_limit_s,
                  const std::function<void(std::string_view)>& on_stdout) {
  return Process(what, time_limit_s, on_stdout).run();
}

double own_peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0;
}

double start_cost_ns(bool shell) {
  try {
    Command command;
    command.shell = shell ? ShellUse::kAlways : ShellUse::kNever;
    const Startable nothing = make_startable(shell ? ":" : "true", command, "");
    std::vector<double> times;
    for (int i = 0; i < 11; ++i) times.push_back(run_process(nothing, 5.0).wall_ns);
    return median(times);
  } catch (const Error&) {
    return 0.0;  // no such program on PATH: nothing is claimed
  }
}

}  // namespace aisp::bench::command
