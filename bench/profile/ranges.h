// The phases of a case as ranges on the timeline of a tool that looks at the worker (nsys, ncu): a
// reporter that names each phase, and passes everything on.
#pragma once

#include "bench/job.h"

namespace aisp::bench {

class RangeReporter final : public Reporter {
 public:
  explicit RangeReporter(Reporter& to) : to_(to) {}
  ~RangeReporter() override;

  /// A range called "technique: phase" from now until the next phase.
  void phase(const std::string& technique, const std::string& phase) override;
  void outcome(const std::string& technique, Outcome outcome, const std::string& detector,
               const std::string& reason) override;
  void done(const ProcessRecord& record,
            const std::map<std::string, TechniqueFindings>& findings) override;

 private:
  Reporter& to_;
  bool open_ = false;
};

}  // namespace aisp::bench
