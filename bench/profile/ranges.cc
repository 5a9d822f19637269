// See ranges.h.
#include "bench/profile/ranges.h"

#include "machine/device_marks.h"

namespace aisp::bench {

RangeReporter::~RangeReporter() {
  if (open_) machine::end_range();
}

void RangeReporter::phase(const std::string& technique, const std::string& phase) {
  to_.phase(technique, phase);
  if (open_) machine::end_range();
  machine::begin_range(technique.empty() ? phase : technique + ": " + phase);
  open_ = true;
}

void RangeReporter::outcome(const std::string& technique, Outcome outcome,
                            const std::string& detector, const std::string& reason) {
  to_.outcome(technique, outcome, detector, reason);
}

void RangeReporter::done(const ProcessRecord& record,
                         const std::map<std::string, TechniqueFindings>& findings) {
  to_.done(record, findings);
}

}  // namespace aisp::bench
