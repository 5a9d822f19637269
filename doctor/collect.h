// Examines the machines of a list: one process on each, started by mpirun or another launcher.
#pragma once

#include <string>
#include <vector>

namespace aisp::doctor {

struct CollectOptions {
  std::string hosts;     // a file: one host a line, "#" begins a comment
  std::string folder;    // where <host>.json goes; created
  std::string launcher;  // words, "{}" stands for the host; empty: mpirun --host {} -n 1
  std::vector<std::string> arguments;  // of aisp doctor on each machine, besides --json
  double limit_s = 120.0;              // for one host
  int at_once = 16;
};

struct HostAnswer {
  std::string host, problem;  // empty problem: <folder>/<host>.json is there
};

/// One row per host, in the file's order. Each answer is read through a pipe of its own. Throws
/// Error when the list is missing, empty, malformed, or the folder cannot be written.
std::vector<HostAnswer> collect_fleet(const CollectOptions& options);

}  // namespace aisp::doctor
