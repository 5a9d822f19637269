// A roofline for a terminal: the roofs as tables, a plot of characters, and where the techniques of
// a run lie. The same panels as the page draws (report/roofline.h), as text and as JSON.
#pragma once

#include <string>

#include "report/roofline.h"

namespace aisp::report {

/// One panel after the other. `model` names the points; a roofline without points may have none.
std::string render_roofline(const Roofline& roofline, const Model& model);

/// {"panels": [{"gpu", "threads", "memory", "compute": [...], "bandwidth": [...], "points":
/// [...]}],
///  "without_place", "elsewhere"}: rates in GFLOP/s and GB/s, ridges in flops per byte.
bench::Json roofline_to_json(const Roofline& roofline, const Model& model);

}  // namespace aisp::report
