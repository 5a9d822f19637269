// See lab_items.h.
#include "doctor/lab_items.h"

namespace aisp::doctor {

Finding lab_finding(const Item& item, const Evidence&) {
  Finding finding;
  finding.verdict = Verdict::kListed;
  finding.says = item.gist;
  return finding;
}

}  // namespace aisp::doctor
