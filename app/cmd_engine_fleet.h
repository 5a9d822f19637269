// `aisp engine fleet`: several simulated engines behind a router, on virtual time; a recorded trace
// or made-up arrivals, one policy or several beside each other.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "serve/fleet.h"
#include "serve/made_trace.h"

namespace aisp::app {

struct EngineFleetOptions {
  std::string trace;  // empty: made-up arrivals
  serve::MadeTrace made;
  serve::FleetOptions fleet;
  std::vector<std::string> policies = {"least_ttft"};
  std::vector<std::string> admissions = {"on"};
  double window_s = 5.0;
  bool json = false;
};

/// Prints what users of each policy feel, a row each. Throws UsageError and Error.
int cmd_engine_fleet(const EngineFleetOptions& options);

void add_engine_fleet(CLI::App* engine, EngineFleetOptions& options, int* code);

}  // namespace aisp::app
