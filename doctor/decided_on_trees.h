// Which items the recorded trees under doctor/trees decide: what the summary counts as decided
// elsewhere. From doctor/trees/decided.txt, which a test keeps true.
#pragma once

#include <set>
#include <string>

namespace aisp::doctor {

const std::set<std::string>& decided_on_trees();

}  // namespace aisp::doctor
