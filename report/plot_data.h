// What the plots of the page are drawn from: one JSON document, small enough to travel in the page.
// Raw samples are thinned to quantiles; numbers have four significant digits.
//
// Shape:
//   {"cases": [{"id": "case-1", "lab": "ch07:transpose", "lab_id": "lab-1", "chapter": "ch07",
//               "name": "gpt2", "dtype": "f32", "link": false, "best": 2 or null,
//               "rows": [{"name": "tiled", "state": "faster", "peer": false, "threads": 1,
//                         "speedup": [estimate, low, high] or null, "margin": 0.01,
//                         "says": "tiled: faster, ...", "samples": [[quantiles of a process]]}]}],
//    "panels": [{"memory": false, "gpu": "", "threads": 1, "roofs": [{"label", "value", and "dtype"
//                or, of bandwidth, "level", "from", "to"}], "points": [[case, row, x, y]]}]}
#pragma once

#include <span>
#include <string>
#include <vector>

#include "report/model.h"

namespace aisp::report {

/// Quantiles kept of one process: enough to see two modes or a tail, 49 ticks in 250 pixels.
inline constexpr std::size_t kQuantiles = 49;

/// The samples in order when there are at most kQuantiles, else as many evenly spaced quantiles.
std::vector<double> thin(std::span<const double> samples);

/// JSON that is also safe as the text of a script element: ASCII, no "<", ">" or "&" in any string.
/// Samples are over the median of their technique. Pure.
std::string render_plot_data(const Model& model, const bench::Json& header);

}  // namespace aisp::report
