// `aisp bench model`: how quickly a model runs on this machine, beside what the machine can do.
#pragma once

#include <CLI/CLI.hpp>

#include "app/model_rates.h"

namespace aisp::app {

struct BenchModelOptions {
  ModelRatesOptions rates;
  double agreement_percent = 5.0;  // how far the probes before and after may be apart
  int probe_mib = 1024;            // memory that the read probe goes over
  bool json = false;
};

/// Prints a line for each cell, or that the machine was not steady enough to tell: then the exit
/// code is kExitInconclusive and no rate is shown. Throws UsageError and Error.
int cmd_bench_model(const BenchModelOptions& options);

void add_bench_model(CLI::App& bench, BenchModelOptions& options, int* code);

}  // namespace aisp::app
