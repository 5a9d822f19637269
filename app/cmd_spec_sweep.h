// `aisp tools spec-config-sweep`: what guessing tokens brings for a model and a text on this
// machine: each kind of guess and each number of them beside plain decoding, in interleaved runs.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace aisp::app {

struct SpecSweepOptions {
  std::string model, draft_model;
  std::string prompt_file;         // "": a short text of ours
  std::vector<double> acceptance;  // guesses of an oracle that is so often right, and no others
  int tokens = 128;                // of each answer
  int rounds = 7;
  int threads = 0;  // 0: one per core
  std::string kv = "bf16";
  bool json = false;
};

/// Runs every setting once a round, plain decoding first, each round in another order, and compares
/// within the round. Oracles know what plain decoding said; beside them stands the arithmetic
/// bound: the tokens that k guesses bring on average over what a step of k + 1 rows costs, measured
/// in each round, at the best k. Prints a line for each setting and the best one. Throws UsageError
/// and Error; exit code kExitWrong when a setting changed a token.
int cmd_spec_sweep(const SpecSweepOptions& options);

void add_spec_sweep(CLI::App* tools, SpecSweepOptions& options, int* code);

}  // namespace aisp::app
