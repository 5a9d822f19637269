// A picture of a machine: boxes within boxes for packages, caches and cores, and the devices where
// they hang. Drawn from the JSON that records keep (machine/topology.h), without scripts, so that
// the same text serves as a file of its own and inside a page.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace aisp::report {

/// One <svg> element; `as_file` names its language, which a page knows already. Malformed parts are
/// left out; at most 20,000 boxes. Colours follow the text colour of the page, so that it is
/// readable on light and dark.
std::string topology_svg(const nlohmann::ordered_json& machine, bool as_file = false);

}  // namespace aisp::report
