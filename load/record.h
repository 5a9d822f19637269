// A run as JSON: what report/load_page.h draws and what other programs read. Schema "aisp.load",
// version 1; see docs/LOAD.md for what each figure is. Times are seconds; an end of an interval
// that the sample cannot give is null.
#pragma once

#include <nlohmann/json.hpp>

#include "load/summary.h"

namespace aisp::load {

nlohmann::ordered_json to_json(const Percentiles& percentiles);
nlohmann::ordered_json to_json(const Summary& summary, const SummaryRules& rules);

/// The run over time, in at most 120 spans: of requests due in each, counts, failures and
/// percentiles; and each latency's distribution as quantiles.
nlohmann::ordered_json series_of(const DriveResult& result, const SummaryRules& rules);

}  // namespace aisp::load
