// Threads that respect the quota: its whole cores, at least one. What the JVM
// (UseContainerSupport), Go since 1.25 and uber-go/automaxprocs do.
#include "labs/ch03_system/docker/problem.h"

namespace aisp::labs::ch03::docker {

bench::Technique threads_by_quota() {
  return contained(
      "threads_by_quota", "as many threads as the quota is worth, under the quota",
      [](double share) -> Setup { return {.threads = whole_cores(share), .quota = share}; });
}

}  // namespace aisp::labs::ch03::docker
