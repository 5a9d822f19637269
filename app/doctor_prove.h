// `aisp doctor --prove ID`: remedies tried on this machine.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "doctor/prove.h"

namespace aisp::app {

struct ProveCommand {
  std::vector<std::string> ids;  // ids or globs
  bool list = false;
  doctor::ProveOptions options;
  std::string out;                   // folder of the record; "": artifacts/<time>-<pid>
  std::vector<std::string> command;  // argv, for the record
  bool json = false;
};

/// --prove, --proofs, --prove-budget, --prove-processes.
void add_prove_options(CLI::App* app, ProveCommand& command);
inline bool wanted(const ProveCommand& command) { return command.list || !command.ids.empty(); }

/// Tries the remedies, prints a line for each and records them. Exit code 0 when every one that can
/// be tried here was, whatever it showed; 3 when a worker failed.
int cmd_doctor_prove(const ProveCommand& command);

}  // namespace aisp::app
