// aisp bench gate: exits non-zero when a recorded ratio got worse, went wrong or is missing.
#pragma once

#include <string>

#include "bench/gate_run.h"

namespace aisp::app {

struct GateCommand {
  bench::GateOptions gate;
  std::string junit, markdown, json;  // files; "-" for standard output; "" none
  bool github = false;
  std::size_t replay = 0;  // trials; 0: judge
  double planted = 0.03;   // of a replay: the step
  std::size_t recorded = 6;
};

/// Exit codes: 0 green; 1 red; 2 nothing was recorded for this machine; 3 red and an output is
/// wrong; 4 usage or fault.
int cmd_bench_gate(const GateCommand& command);

}  // namespace aisp::app
