// aisp bench compare: two commands (or more) against each other, without a lab.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "bench/run.h"

namespace aisp::app {

struct CompareOptions {
  std::string a, b;
  std::vector<std::string> commands;  // "name=command", beside a and b
  std::string build_a, build_b;       // build folders instead of commands
  std::string prepare, prepare_a, prepare_b;
  std::string output_a, output_b;
  std::string check;  // "stdout": standard output is compared; "" with outputs: the files
  std::string as, dtype;
  double rtol = 0.0, atol = 0.0, ulps = 0.0;
  std::string time = "auto", json_key;
  int warmup = 1;
  bool ignore_exit = false, shell = false, no_shell = false;
  bool fail_if_slower = false;
  bool json = false;
  bench::RunOptions run;  // budget, margin, level, precision, time limit, seed, out, command
};

/// Declares every option on `app`.
void add_compare_options(CLI::App* app, CompareOptions& options);

/// Compares, prints, and returns the exit code: 0; 1 where --fail-if-slower found that; 2 where it
/// found no verdict; 3 wrong or failed; 4 by Error. Records only with --out.
int cmd_bench_compare(const CompareOptions& options);

}  // namespace aisp::app
