// Names of verdicts. See finding.h.
#include "doctor/finding.h"

namespace aisp::doctor {

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kFail:
      return "fail";
    case Verdict::kNotApplicable:
      return "not applicable";
    case Verdict::kCannotSee:
      return "cannot see";
    case Verdict::kNotMeasured:
      return "not measured";
    case Verdict::kListed:
      return "listed";
  }
  return "";
}

}  // namespace aisp::doctor
