// The view from inside a container or a pod: what it was granted, and the items that depend on it.
#pragma once

#include <string>
#include <vector>

#include "doctor/evidence.h"
#include "doctor/finding.h"

namespace aisp::doctor {

/// Ids of the checklist that a container's settings decide.
const std::vector<std::string>& inside_items();

/// What control groups, the CPU manager and device plugins left the subject: kind of container,
/// version of the control groups, processors, quota, memory, shared memory, devices. Only what can
/// be seen.
std::vector<Reading> granted(const Evidence& evidence);

}  // namespace aisp::doctor
