// Items that a lab answers: which lab, and what it last found on this machine.
#pragma once

#include "doctor/checklist.h"
#include "doctor/evidence.h"
#include "doctor/finding.h"

namespace aisp::doctor {

/// Verdict kListed. Names the lab's target where this program has it, with the newest result among
/// the stored runs (artifacts/), or how to get one.
Finding lab_finding(const Item& item, const Evidence& evidence);

}  // namespace aisp::doctor
