// The examination as text for a terminal.
#pragma once

#include <string>

#include "doctor/examine.h"

namespace aisp::app {

/// Every item in a line, section by section; then what warns or fails with evidence, cost and
/// remedy; then the counts. `all`: evidence under every decided item.
std::string doctor_text(const doctor::Examination& examination, bool all);

/// All about one item.
std::string doctor_explanation(const doctor::Row& row);

}  // namespace aisp::app
