// The table that `aisp bench run` prints at the end: a block a case, a line a technique.
#pragma once

#include <string>

#include "bench/record.h"

namespace aisp::app {

/// Every line fits `width` columns (at least 60 are used), aligned by display width. `colour` adds
/// ANSI colours to the verdicts and nothing else. Text from the record is made printable first.
std::string summary_table(const bench::RunRecord& run, bool colour, int width = 100);

}  // namespace aisp::app
