// The load tool's figures as a terminal shows them.
#pragma once

#include <string>
#include <vector>

#include "load/compare.h"
#include "load/metrics_text.h"
#include "load/summary.h"
#include "load/sweep.h"

namespace aisp::app {

std::string load_table(const load::Summary& summary, const load::SummaryRules& rules);
std::string sweep_line(const load::Sweep::Step& step, const load::Summary& summary);
std::string sweep_result(const load::Sweep& sweep, double good_share);
std::string comparison_table(const std::vector<load::ComparedRow>& rows, double margin);
std::string stages_table(const std::vector<load::Stage>& stages);

}  // namespace aisp::app
