// What Nsight Compute prints with --csv --page raw: a line of names, a line of units, a line for
// each launch; before and between them lines of its own that begin with "==".
//
// Source: Nsight Compute CLI documentation 2025.3, "Console Output", "Page Content".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/counters.h"

namespace aisp::bench {

struct NcuOutput {
  std::vector<KernelCounters> kernels;
  std::vector<std::string> errors;  // its "==ERROR==" lines, without that word
  bool no_kernels = false;          // it says that nothing was launched
};

/// Reads what can be read; never throws. Of each launch every finite number is kept under its name,
/// in base units whatever the unit line says ("Kbyte", "us", "%"). Text that is no such table gives
/// neither kernels nor errors.
NcuOutput read_ncu_csv(std::string_view text);

}  // namespace aisp::bench
