// Settings of the kernel that are one file and one expectation each: the data-driven probes.
//
// Source: Linux Documentation/admin-guide (sysctl, sysfs-rules, mm/transhuge).
#include "doctor/tables.h"

namespace aisp::doctor {

using Relation = Setting::Relation;

std::vector<Setting> kernel_settings() {
  return {
      {.id = "nvme-scheduler",
       .path = "/sys/block/nvme*n*/queue/scheduler",
       .relation = Relation::kChosen,
       .expected = "none|mq-deadline|kyber",
       .otherwise = Verdict::kWarn,
       .says_bad = "an NVMe disk is scheduled by {}",
       .cost = "CPU time per request; lab ch05:storage_cpu measures requests on this disk",
       .write = "none"},
  };
}

}  // namespace aisp::doctor
