// One run of one command. See one_run.h.
#include "bench/command/one_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "bench/clock.h"

namespace aisp::bench::command {
namespace {

constexpr std::size_t kKeptStdout = 64 << 20;  // compared as numbers: what must fit into memory

// An output that exists before a run is given this time of change, so that one which the run leaves
// alone is known for what it is, and nobody's file is deleted.
constexpr timespec kStamp{1, 0};

void stamp(const std::string& path) {
  const timespec times[2] = {kStamp, kStamp};
  utimensat(AT_FDCWD, path.c_str(), times, 0);  // not there: nothing to stamp
}

// Inside a run only: becomes OneRun::fall.
Fall wrong(const std::string& reason) { return {Outcome::kWrong, "output check", reason, ""}; }

}  // namespace

std::optional<Fall> Runner::make_ready(Side& side, const Command& command) const {
  try {
    side.start = make_startable(command.line, command, "");
    if (!command.prepare.empty()) {
      side.prepare = make_startable(command.prepare, command, "its preparation");
    }
    if (!command.output.empty()) {
      side.output = (std::filesystem::path(command.cwd) / command.output).string();
    }
    return std::nullopt;
  } catch (const Error& problem) {
    return Fall{Outcome::kFailed, "", problem.what(), ""};
  }
}

OneRun Runner::run(Side& side, bool check_file, Printed printed) {
  OneRun run;
  try {
    if (side.prepare) {
      const Ended prepared = run_process(*side.prepare, limit_s_);
      if (prepared.how == Ended::How::kInterrupted) {
        run.ended = prepared;
        return run;
      }
      if (!prepared.ok()) {
        throw Fall{Outcome::kFailed, "prepare",
                   "its preparation failed: " + describe(prepared, limit_s_), prepared.tail};
      }
    }
    if (!side.output.empty()) stamp(side.output);
    start(side, printed, run);
    if (run.ended.how == Ended::How::kInterrupted) return run;
    run.fall = judge_end(side, run.ended);
    const bool of_file = rules_.check.of == OutputCheck::Of::kFile;
    if (!run.fall && rules_.check.of != OutputCheck::Of::kNothing && (check_file || !of_file)) {
      const std::int64_t begin = kernel_clock_ns(CLOCK_MONOTONIC);
      judge_output(side, read_side(side, run.ended));
      check_s_ += static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC) - begin) * 1e-9;
    }
  } catch (const Fall& fall) {
    run.fall = fall;
  } catch (const Error& problem) {
    run.fall = Fall{Outcome::kFailed, "", problem.what(), ""};
  }
  if (run.fall && run.fall->tail.empty()) run.fall->tail = run.ended.tail;
  return run;
}

void Runner::start(Side& side, Printed printed, OneRun& run) {
  const bool of_stdout = rules_.check.of == OutputCheck::Of::kStdout;
  const bool hashed = rules_.check.as == OutputCheck::As::kBytes;
  RunningHash hash;
  kept_stdout_.clear();
  // Lines that hold a time differ from run to run: they are no output.
  TimeReader time(rules_.json_key, [&](std::string_view bytes) {
    if (of_stdout && hashed) hash.add(bytes);
    if (of_stdout && !hashed && kept_stdout_.size() <= kKeptStdout) kept_stdout_.append(bytes);
  });
  run.ended = run_process(side.start, limit_s_, [&](std::string_view bytes) {
    if (printed != Printed::kIgnored || of_stdout) time.add(bytes);
  });
  const auto last = time.last();
  stdout_hash_ = hash.hex();
  if (printed == Printed::kIgnored || judge_end(side, run.ended)) return;
  run.printed = last;
  if (!time.malformed().empty()) {
    throw Fall{Outcome::kFailed, "printed time",
               "the time that it printed is no number above 0: " + time.malformed(), ""};
  }
  if (printed == Printed::kNeeded && !run.printed) {
    throw Fall{Outcome::kFailed, "printed time",
               rules_.json_key.empty() ? "it printed no line with TIME_MS: and a number"
                                       : "it printed no JSON line with " + rules_.json_key,
               ""};
  }
}

std::optional<Fall> Runner::judge_end(const Side& side, const Ended& ended) const {
  if (ended.how == Ended::How::kInterrupted) return std::nullopt;
  if (ended.how == Ended::How::kExited && (ended.status == 0 || rules_.ignore_exit)) {
    return std::nullopt;
  }
  std::string reason = describe(ended, limit_s_);
  if (side.start.shell && ended.how == Ended::How::kExited && ended.status == 127) {
    reason += ": the shell found no such program";
  }
  const char* detector = ended.how == Ended::How::kTimedOut ? "time-limit" : "exit status";
  return Fall{Outcome::kFailed, detector, reason, ended.tail};
}

Output Runner::read_side(const Side& side, const Ended& ended) const {
  try {
    if (rules_.check.of == OutputCheck::Of::kStdout) {
      if (rules_.check.as == OutputCheck::As::kBytes) return {stdout_hash_, ended.stdout_bytes, {}};
      if (kept_stdout_.size() <= kKeptStdout) {
        return read_output(kept_stdout_, rules_.check, "its standard output");
      }
      throw wrong("it prints more than 64 MiB: compare bytes, or let it write a file");
    }
    struct stat status {};
    if (stat(side.output.c_str(), &status) != 0) throw wrong("it wrote no " + side.output);
    if (status.st_mtim.tv_sec == kStamp.tv_sec && status.st_mtim.tv_nsec == kStamp.tv_nsec) {
      throw wrong("it did not write " + side.output + ": what is there was there before");
    }
    return read_output_file(side.output, rules_.check);
  } catch (const Error& problem) {
    throw wrong(problem.what());
  }
}

void Runner::judge_output(Side& side, Output output) {
  ++side.checked;
  if (!right_) {
    right_ = std::move(output);
    return;
  }
  const Agreement agreement = compare_outputs(output, *right_, rules_.check);
  side.worst_in_bounds = std::max(side.worst_in_bounds, agreement.worst_in_bounds);
  if (agreement.difference.empty()) return;
  throw wrong(fmt::format("not the output of {}: {}",
                          side.baseline ? "its own first run" : "the baseline",
                          agreement.difference));
}

}  // namespace aisp::bench::command
