// The command lines of what keeps results: gate and history.
#pragma once

#include <CLI/CLI.hpp>

#include "app/cmd_bench_gate.h"
#include "app/cmd_bench_history.h"

namespace aisp::app {

struct KeepCommands {
  GateCommand gate;
  HistoryCommand history;
};

/// Adds `gate` and `history` below `bench`; the chosen one's exit code goes to *code. All three
/// must outlive the parsing.
void add_gate_and_history(CLI::App* bench, KeepCommands& commands, int* code);

}  // namespace aisp::app
