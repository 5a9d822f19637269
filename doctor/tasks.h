// Processes and threads from /proc: what runs, where, with which priority, and how much processor
// time it took while the window passed.
//
// Source: proc_pid_stat(5), proc_pid_status(5).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

struct Process {
  int pid = 0, parent = 0;
  std::string name;    // at most 15 characters
  double ticks = 0.0;  // processor time so far, in hundredths of a second
  int nice = 0, real_time = 0, policy = 0;
  int last_cpu = -1;
  bool kernel = false;  // a kernel thread
};

/// A /proc/PID/stat line; nothing when it is malformed.
std::optional<Process> parse_process(std::string_view stat);

/// All processes that /proc shows, at most 4,096.
std::vector<Process> processes(const Evidence& evidence);
/// Processor time that `process` took in the window, in processors (1.0: one was kept busy). 0 when
/// its counters were not read before ("/proc/*/stat" among a probe's counters).
double busy_cpus(const Evidence& evidence, const Process& process);

/// A thread of the subject.
struct Task {
  Process process;
  std::set<int> allowed;  // empty: unknown
};
std::vector<Task> tasks_of_subject(const Evidence& evidence);
/// By its name: a thread that loads data, pins pages, or serves NCCL or remote calls.
bool feeds_devices(std::string_view name);

/// The subject and all that it started.
std::set<int> family_of_subject(const Evidence& evidence);

}  // namespace aisp::doctor
