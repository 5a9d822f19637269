// One self-contained HTML page of a run: no network, no script needed, light and dark, readable on
// a phone. Everything that comes from the record is escaped.
#pragma once

#include <string>

#include "bench/record.h"

namespace aisp::report {

/// Pure: the same record gives the same bytes. O(size of the record).
std::string render_html(const bench::RunRecord& run);

}  // namespace aisp::report
