// The roofline of a run: what the machine was measured to be able to do, and where each technique
// stands below it. Source: Williams, Waterman and Patterson, CACM 52 (2009).
#pragma once

#include <string>

#include "report/model.h"

namespace aisp::report {

/// A figure with its caption and list of cases; a sentence that says why when there is nothing to
/// draw. A technique is a point when its case declares flops and bytes: intensity is flops over
/// bytes read and written. Malformed ceilings in the header count as absent.
std::string draw_roofline(const Model& model, const bench::Json& header);

}  // namespace aisp::report
