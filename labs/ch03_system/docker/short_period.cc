// The same share cut ten times finer: a thread for each core, stopped more often for less long.
// What the kubelet's cpuCFSQuotaPeriod sets.
#include "labs/ch03_system/docker/problem.h"
#include "machine/cpu.h"

namespace aisp::labs::ch03::docker {

bench::Technique short_period() {
  return contained("short_period", "a thread for each core, the same share in periods of 10 ms",
                   [](double share) -> Setup {
                     return {.threads = machine::cpu().cores, .quota = share, .period_us = 10000};
                   });
}

}  // namespace aisp::labs::ch03::docker
