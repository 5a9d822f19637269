// A roofline as a picture of its own: the panels of report/roofline.h, one below the other, both
// axes logarithmic. The page draws its own (rooflines.js), which answers to the pointer.
#pragma once

#include <string>

#include "report/roofline.h"

namespace aisp::report {

/// One SVG document that needs nothing else, light or dark by the reader's preference; every point
/// has its technique as a title. `model` names the points. Panels without a roof are left out.
std::string roofline_svg(const Roofline& roofline, const Model& model);

}  // namespace aisp::report
