// A record of `aisp load` as a page: percentiles over time, distributions, goodput against rate,
// and every figure as a table.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace aisp::report {

/// One self-contained page: no network; without its script the tables say all. `record` is
/// "aisp.load" of version 1. Pure.
std::string load_html(const nlohmann::ordered_json& record);

}  // namespace aisp::report
