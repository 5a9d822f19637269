// aisp bench compare --build-a DIR --build-b DIR: two builds of aisp against each other.
#pragma once

#include "app/cmd_bench_compare.h"

namespace aisp::app {

/// Exit codes: 0; 1 when a technique of B is slower beyond the margin; 3 when one is wrong or
/// fails; 130 interrupted. With --json prints the rows.
int compare_builds(const CompareOptions& options);

}  // namespace aisp::app
