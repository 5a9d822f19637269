// One run of one command with everything around it: preparation, stamp on its output, the process
// itself, exit status, output, printed time. What goes wrong is a value: the command falls, the
// measurement goes on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/command/command.h"
#include "bench/command/printed_time.h"
#include "bench/command/spawn.h"
#include "bench/pairing.h"
#include "bench/record.h"

namespace aisp::bench::command {

/// A command in a measurement.
struct Side {
  std::string name;
  bool baseline = false;
  Startable start;
  std::optional<Startable> prepare;
  std::string output;  // path, from our own folder
  std::vector<Sample> samples;
  std::vector<Ended> ends;
  std::size_t checked = 0;
  double worst_in_bounds = 0.0;
  bool out = false;
};

/// Why a command is thrown out.
struct Fall {
  Outcome outcome = Outcome::kFailed;
  std::string detector, reason, tail;
};

struct OneRun {
  Ended ended;
  std::optional<PrintedTime> printed;
  std::optional<Fall> fall;
};

/// Whether a printed time is looked for.
enum class Printed { kIgnored, kIfThere, kNeeded };

class Runner {
 public:
  Runner(const CommandRules& rules, double time_limit_s) : rules_(rules), limit_s_(time_limit_s) {}

  /// Makes the side startable; what it fell by when it is not.
  std::optional<Fall> make_ready(Side& side, const Command& command) const;

  /// An interrupted run ends with Ended::How::kInterrupted and without a fall. The first output
  /// that it sees becomes the right one. Files are compared only with check_file.
  OneRun run(Side& side, bool check_file, Printed printed);

  /// Seconds spent on reading and comparing outputs.
  double check_s() const { return check_s_; }

 private:
  void start(Side& side, Printed printed, OneRun& run);
  std::optional<Fall> judge_end(const Side& side, const Ended& ended) const;
  Output read_side(const Side& side, const Ended& ended) const;
  void judge_output(Side& side, Output output);

  const CommandRules& rules_;
  const double limit_s_;
  double check_s_ = 0.0;
  std::string kept_stdout_, stdout_hash_;
  std::optional<Output> right_;
};

}  // namespace aisp::bench::command
