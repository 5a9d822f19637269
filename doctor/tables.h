// The tables, one function a file of doctor/probes or doctor/measures.
#pragma once

#include <vector>

#include "doctor/probe.h"

namespace aisp::doctor {

// doctor/probes
std::vector<Setting> kernel_settings();
std::vector<Probe> memory_probes();

// doctor/measures

}  // namespace aisp::doctor
