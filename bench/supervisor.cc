// The supervising side. See supervisor.h.
#include "bench/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"
#include "bench/clock.h"
#include "bench/descriptor.h"

namespace aisp::bench {
namespace {

volatile std::sig_atomic_t interrupt_seen = 0;

constexpr std::size_t kKeptOutput = 4096;  // of what a dying worker printed

double now_s() { return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC)) * 1e-9; }

std::string random_token() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
    throw Error("the system gives no random bytes", "getrandom", "");
  }
  std::string token;
  for (const unsigned char byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGSYS) return "was ended for sending a signal to another process";
    return fmt::format("killed by signal {} ({})", signal, strsignal(signal));
  }
  return fmt::format("exited with code {} before it was done", WEXITSTATUS(status));
}

// One worker process and the conversation with it.
class Worker {
 public:
  Worker(const Job& job, const SuperviseOptions& options, JobOutcome& outcome)
      : job_(job),
        options_(options),
        checks_(job.checks_off),
        outcome_(outcome),
        token_(random_token()) {}

  /// True when the worker said that it was done.
  bool run() {
    start();
    converse();
    kill(-child_, SIGKILL);  // whatever it started
    return done_;
  }

  const std::string& culprit() const { return technique_; }

 private:
  void start() {
    Descriptor job_read, job_write, channel_write, output_write;
    make_pipe(job_read, job_write);
    make_pipe(channel_, channel_write);
    make_pipe(output_, output_write);
    // Everything the child needs is computed before the fork.
    const int channel_number = fcntl(channel_write.fd, F_DUPFD, 100 + token_[0] % 100);
    Descriptor channel_copy(channel_number);
    const std::string number = std::to_string(channel_number);
    const char* arguments[] = {"aisp", "bench", "worker", "--channel", number.c_str(), nullptr};
    child_ = fork();
    if (child_ < 0) throw Error(std::strerror(errno), "fork", "too many processes are running");
    if (child_ == 0) {
      setpgid(0, 0);
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(job_read.fd, 0);
      dup2(output_write.fd, 1);
      dup2(output_write.fd, 2);
      signal(SIGINT, SIG_DFL);
      signal(SIGTERM, SIG_DFL);
      execv("/proc/self/exe", const_cast<char**>(arguments));
      _exit(127);
    }
    setpgid(child_, child_);
    Json message = to_json(job_);
    message["token"] = token_;
    const std::string text = message.dump();
    signal(SIGPIPE, SIG_IGN);
    job_read.reset();
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = write(job_write.fd, text.data() + at, text.size() - at);
      if (written <= 0) break;  // it died at once: seen below
      at += static_cast<std::size_t>(written);
    }
  }

  void converse() {
    double last_sign = now_s();
    std::string buffer;
    bool channel_open = true, output_open = true;
    const double limit = checks_.on("time-limit") ? options_.time_limit_s : 1e9;
    while (channel_open || output_open) {
      pollfd files[] = {{channel_open ? channel_.fd : -1, POLLIN, 0},
                        {output_open ? output_.fd : -1, POLLIN, 0}};
      const int ready = poll(files, 2, 200);
      if (interrupted()) {
        outcome_.interrupted = true;
        kill(-child_, SIGKILL);
        break;
      }
      if (ready > 0 && files[0].revents != 0) {
        if (take_lines(buffer))
          last_sign = now_s();
        else
          channel_open = false;
      }
      if (ready > 0 && files[1].revents != 0) output_open = take_output();
      if (ready == 0 && waitpid(child_, &status_, WNOHANG) == child_) {
        // Dead, though a grandchild may keep our pipes open.
        reaped_ = true;
        break;
      }
      if (now_s() - last_sign > limit) {
        timed_out_ = true;
        kill(-child_, SIGKILL);
        break;
      }
    }
    if (!reaped_) waitpid(child_, &status_, 0);
    if (done_ || outcome_.interrupted) return;
    if (timed_out_) {
      event("time-limit", fmt::format("no end within {:.3g} s during {}", limit, phase_));
    } else {
      event(WIFSIGNALED(status_) && WTERMSIG(status_) == SIGSYS ? "signal-others" : "isolation",
            fmt::format("the worker {} during {}", how_it_ended(status_), phase_));
    }
  }

  void event(const std::string& detector, const std::string& reason) {
    if (case_failed_) return;  // the worker said itself why it ends
    outcome_.events.push_back({technique_, Outcome::kFailed, detector, reason, last_output_});
  }

  bool take_lines(std::string& buffer) {
    char chunk[65536];
    const ssize_t got = read(channel_.fd, chunk, sizeof chunk);
    if (got <= 0) return false;
    buffer.append(chunk, static_cast<std::size_t>(got));
    for (std::size_t end; (end = buffer.find('\n')) != std::string::npos;
         buffer.erase(0, end + 1)) {
      take_message(std::string_view(buffer).substr(0, end));
    }
    return true;
  }

  void take_message(std::string_view line) {
    const Json message = Json::parse(line, nullptr, false);
    const bool genuine = message.is_object() && message.value("token", "") == token_;
    if (!genuine && checks_.on("private-channel")) {
      outcome_.events.push_back({technique_, Outcome::kFailed, "private-channel",
                                 "something else wrote on the results' descriptor", last_output_});
      return;
    }
    try {
      take_genuine(message);
    } catch (const Json::exception& problem) {
      outcome_.notes.push_back(
          fmt::format("a worker's message was not understood: {}", problem.what()));
    }
  }

  void take_genuine(const Json& message) {
    const auto type = message.at("type").get<std::string>();
    if (type == "phase") {
      message.at("technique").get_to(technique_);
      message.at("phase").get_to(phase_);
      if (options_.on_phase) options_.on_phase(technique_, phase_);
    } else if (type == "outcome") {
      TechniqueEvent event;
      message.at("technique").get_to(event.technique);
      event.outcome = static_cast<Outcome>(message.at("outcome").get<int>());
      message.at("detector").get_to(event.detector);
      message.at("reason").get_to(event.reason);
      event.last_output = last_output_;
      case_failed_ = case_failed_ || event.technique.empty();
      outcome_.events.push_back(std::move(event));
    } else if (type == "note") {
      outcome_.notes.push_back(message.at("text").get<std::string>());
    } else if (type == "done") {
      take_done(message);
    }
  }

  void take_done(const Json& message) {
    ProcessRecord process;
    const Json& from = message.at("process");
    from.at("seed").get_to(process.seed);
    from.at("seconds").get_to(process.seconds);
    for (const auto& [name, series] : from.at("series").items()) {
      process.series[name] = series_from_json(series);
    }
    if (from.contains("device")) process.device = vitals_from_json(from.at("device"));
    outcome_.process = std::move(process);
    for (const auto& [name, found] : message.at("findings").items()) {
      TechniqueFindings& into = outcome_.findings[name];
      found.at("outputs_checked").get_to(into.outputs_checked);
      into.worst_in_bounds =
          found.at("worst_in_bounds").is_null() ? 0.0 : found.at("worst_in_bounds").get<double>();
      into.kernel = found.value("kernel", "");
      if (found.contains("isolated")) {
        into.has_isolated = true;
        const Json& pair = found.at("isolated");
        into.isolated.ratio = {pair.at(0).get<double>(), pair.at(1).get<double>(),
                               pair.at(2).get<double>()};
        into.isolated.ratio_wall = into.isolated.ratio;
        pair.at(3).get_to(into.isolated.rounds);
        into.isolated.verdict = verdict_of(into.isolated.ratio, job_.margin);
      }
    }
    done_ = true;
  }

  bool take_output() {
    char chunk[4096];
    const ssize_t got = read(output_.fd, chunk, sizeof chunk);
    if (got <= 0) return false;
    last_output_.append(chunk, static_cast<std::size_t>(got));
    if (last_output_.size() > kKeptOutput) last_output_.erase(0, last_output_.size() - kKeptOutput);
    return true;
  }

  const Job& job_;
  const SuperviseOptions& options_;
  const Checks checks_;
  JobOutcome& outcome_;
  std::string token_;
  pid_t child_ = -1;
  int status_ = 0;
  bool reaped_ = false, timed_out_ = false, done_ = false, case_failed_ = false;
  Descriptor channel_, output_;
  std::string technique_, phase_ = "start-up", last_output_;
};

// Without isolation: the same job in this process, for debuggers and for the attack suite.
class DirectReporter final : public Reporter {
 public:
  explicit DirectReporter(JobOutcome& outcome) : outcome_(outcome) {}
  void phase(const std::string&, const std::string&) override {}
  void outcome(const std::string& technique, Outcome outcome, const std::string& detector,
               const std::string& reason) override {
    outcome_.events.push_back({technique, outcome, detector, reason, ""});
  }
  void done(const ProcessRecord& record,
            const std::map<std::string, TechniqueFindings>& findings) override {
    outcome_.process = record;
    outcome_.findings = findings;
  }

 private:
  JobOutcome& outcome_;
};

}  // namespace

JobOutcome supervise(const Job& job, const SuperviseOptions& options) {
  JobOutcome outcome;
  if (!Checks(job.checks_off).on("isolation")) {
    DirectReporter reporter(outcome);
    run_job(job, reporter);
    return outcome;
  }
  Job attempt = job;
  while (!attempt.techniques.empty()) {
    Worker worker(attempt, options, outcome);
    if (worker.run() || outcome.interrupted) break;
    const std::string culprit = worker.culprit();
    const bool baseline_died = culprit.empty() || culprit == job.techniques.front();
    if (baseline_died) break;
    std::erase(attempt.techniques, culprit);
    if (attempt.techniques.size() == 1 && job.techniques.size() > 1) break;
  }
  return outcome;
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupt_seen = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return interrupt_seen != 0; }

}  // namespace aisp::bench
