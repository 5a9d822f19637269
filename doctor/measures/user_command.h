// The user's --command: run once, or over the values of a choice inside it, {batch=32|64|128}. The
// first value is the one in use today.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

struct CommandRun {
  double seconds = 0.0, cpu_seconds = 0.0;  // wall clock; user and system of it and its children
  double peak_bytes = 0.0;                  // of its largest process
  double major_faults = 0.0, preemptions = 0.0;
  int status = 0;
  bool late = false;   // did not end in time and was killed with its group
  std::string output;  // standard output and error, the first MiB
};

/// Through /bin/sh, with standard input empty, in a group of its own that is gone afterwards.
/// `more` is added to the environment. Throws Error when no process can be had.
CommandRun run_command(const std::string& line, double limit_s,
                       const std::map<std::string, std::string>& more = {});

/// Values of the choice `name` in the command; empty: it has none.
std::vector<std::string> choices(const std::string& command, const std::string& name);
/// The command with `value` for the choice `name` and the first value for every other choice.
std::string chosen(const std::string& command, const std::string& name, const std::string& value);

/// "no --command given", "... with {batch=...} in it", or "".
std::string needs_choice(const Evidence& evidence, const std::string& name);

/// Runs the command with every value in turn, rounds interleaved and each in turned order, for
/// `seconds`: {"name": "batch", "rows": [{"value": "32", "seconds": [..], "cpu_seconds": [..],
/// "peak_bytes": 1e9, "output": "..."}]}. One untimed run of each first. Throws Error when one
/// fails, or when not even one round fits.
Json sweep(const std::string& command, const std::string& name, double seconds);

/// The plain command again and again for `seconds`, at most 50 times: {"seconds": [..], ...} in the
/// order of the runs, the first one included. Kept for the next measure that asks.
Json repeated(const std::string& command, double seconds);

}  // namespace aisp::doctor
