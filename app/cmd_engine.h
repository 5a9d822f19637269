// `aisp engine simulate`: the real scheduler and cache on a recorded trace, in virtual time; and
// `aisp engine step-time`: what the scheduler itself costs.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "app/cmd_engine_fleet.h"
#include "serve/replay.h"
#include "serve/step_time.h"

namespace aisp::app {

struct SimulateOptions {
  std::string trace;
  serve::ReplayOptions replay;
  bool json = false;
  double cache_study = 0.0;  // share of the distinct blocks; 0: none
  std::string eviction = "frequency";
  // The time model (serve/time_model.h): of a 1 B model with 8-bit weights on two cores.
  double step_ms = 36.0, row_ms = 0.6, context_us = 2.2, prompt_tokens_per_s = 440.0;
};

struct StepTimeOptions {
  serve::StepLoad load;
  int steps = 4000, sweep_mib = 0;
};

/// `aisp engine step-time`: prints what the scheduler's part of a step costs.
int cmd_engine_step_time(const StepTimeOptions& options);

/// Prints throughput, times to and between tokens, the cache's share and the scheduler's own cost.
/// Throws UsageError and Error.
int cmd_engine_simulate(const SimulateOptions& options);

struct EngineOptions {
  SimulateOptions simulate;
  StepTimeOptions step_time;
  EngineFleetOptions fleet;
};
void add_engine(CLI::App& root, EngineOptions& options, int* code);

}  // namespace aisp::app
