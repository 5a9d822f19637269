// `aisp tools`: small instruments on what was measured. The roofline; see
// also cmd_occupancy.h.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "app/roofline_bound.h"

namespace aisp::app {

struct RooflineOptions {
  std::string device = "cpu";  // or "cuda": the GPU's roofs and techniques
  bool json = false;
  std::string svg;  // file for a picture; "-": standard output, and nothing else there
  std::string run;  // folder of a run whose techniques are placed; empty: the machine alone
  std::optional<double> flops, bytes;
  BoundQuestion question;  // dtype, threads, level
};

/// Prints the machine's roofline, or a run's, or the bound of a pair (flops, bytes). Measures the
/// ceilings where the cache has none, and says so on standard error. Throws UsageError and Error.
int cmd_roofline(const RooflineOptions& options);

/// Returns the subcommand, for more tools.
CLI::App* add_tools(CLI::App& root, RooflineOptions& options, int* code);

}  // namespace aisp::app
