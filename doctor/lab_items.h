// Items that a lab answers: which lab, and what it last found among the stored runs.
#pragma once

#include <span>

#include "doctor/checklist.h"
#include "doctor/evidence.h"
#include "doctor/finding.h"

namespace aisp::doctor {

/// An item of the checklist and the target that answers it (aisp bench list-targets). Only where
/// the lab's techniques are the item's pair; items that are merely near one have no row.
struct LabItem {
  const char* id;
  const char* target;
};
std::span<const LabItem> lab_items();

/// Verdict kListed. Names the lab's target where there is one, with the newest result among the
/// newest 16 stored runs (artifacts/), or the command that gets one; else says that there is no
/// lab.
Finding lab_finding(const Item& item, const Evidence& evidence);

}  // namespace aisp::doctor
