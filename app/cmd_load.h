// `aisp load`: requests to a server or to the engine in this process, and what their users feel
// (docs/LOAD.md). The parts are in load/; here are the options, the order of events and the output.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "load/summary.h"
#include "load/workload.h"
#include "serve/loaded_model.h"

namespace aisp::app {

struct LoadCommand {
  std::string url, compare;
  serve::LoadOptions engine;  // engine.model empty: over the network
  // What is sent.
  std::string trace;
  double rate = 0.0, burst = 1.0, scale_lengths = 1.0, scale_rate = 1.0;
  bool constant = false;
  int concurrency = 0;
  std::string prompt_tokens = "128", answer_tokens = "64", shared_prefix;
  int turns = 1;
  double think_s = 0.0;
  std::uint64_t seed = 1;
  // When and how long.
  double duration_s = 0.0, warmup_s = -1.0, tail_s = 10.0, timeout_s = 120.0;
  int requests = 0, pairs = 12;
  // How it is said to a server.
  std::string model, key_file, prompts = "either";
  std::vector<std::string> headers;
  bool chat = false;
  // How it is judged.
  std::string slo;
  bool goodput = false, sweep = false;
  double good_share = 0.9, level = 0.95, late_limit_ms = 10.0, margin = 0.05;
  int pin = -1;
  std::string json, html;
  std::vector<std::string> command;
};

/// 0; 1 when --goodput was not reached or a verdict was refused because the generator was late; 130
/// when interrupted. Throws UsageError and Error.
int cmd_load(const LoadCommand& options);

void add_load(CLI::App& root, LoadCommand& options, int* code);

}  // namespace aisp::app
