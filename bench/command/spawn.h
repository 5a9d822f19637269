// One process: started, drained, timed, ended. posix_spawn (vfork semantics: the cost does not grow
// with our own memory), a process group of its own, standard input closed (/dev/null), standard
// output and error read through pipes while it runs. Pipes, not /dev/null: some programs (GNU grep)
// do less when they see that nobody reads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/command/command.h"

namespace aisp::bench::command {

/// Ready to start: argv[0] is a path, so that no search is timed.
struct Startable {
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "NAME=value", whole
  std::string cwd;
  bool shell = false;
};

/// Splits the line into words (quotes are understood), or hands it to /bin/sh where it has shell
/// syntax. Throws Error when there is no such program (with the nearest name on PATH), no such
/// folder, or an empty line; `where` names the command in the message.
Startable make_startable(const std::string& line, const Command& command, const std::string& where);

struct Ended {
  enum class How { kExited, kSignalled, kTimedOut, kInterrupted };
  How how = How::kExited;
  int status = 0;                         // exit status, or the signal
  double wall_ns = 0.0;                   // from before the start until its end was seen
  double user_ns = 0.0, system_ns = 0.0;  // with the children that it waited for
  double peak_memory_bytes = 0.0;         // never below our own peak: see own_peak_bytes()
  double waits = 0.0, preemptions = 0.0;  // context switches of its own will, and not
  std::uint64_t stdout_bytes = 0;
  std::string tail;  // last 4 KiB of standard output and error together

  bool ok() const { return how == How::kExited && status == 0; }
  double cpu_ns() const { return user_ns + system_ns; }
};

/// "exit status 3", "killed by signal 11 (Segmentation fault)", "no end within 60 s".
std::string describe(const Ended& ended, double time_limit_s);

/// Runs it to its end. Whatever is left of its process group then, or at the limit, or when
/// interrupted() says so, is killed. on_stdout sees every byte, in order, while it runs. Throws
/// Error when it cannot be started.
Ended run_process(const Startable& what, double time_limit_s,
                  const std::function<void(std::string_view)>& on_stdout = {});

/// Our own peak: a child begins in our memory and the kernel counts that, so that a peak at or
/// below this one says only "not more than".
double own_peak_bytes();

/// Median time from start to end of a program that does nothing, directly or through the shell. 11
/// runs, about 10 ms. 0 when it cannot be measured.
double start_cost_ns(bool shell);

}  // namespace aisp::bench::command
