// The share as whole cores of one's own and no quota: what --cpuset-cpus and Kubernetes' static CPU
// manager give. Nobody is ever stopped; what is left of a broken share is lost.
#include "labs/ch03_system/docker/problem.h"

namespace aisp::labs::ch03::docker {

bench::Technique whole_cores_pinned() {
  return contained("whole_cores_pinned", "whole cores instead of a quota, a thread for each",
                   [](double share) -> Setup {
                     return {.threads = whole_cores(share), .pinned_cores = whole_cores(share)};
                   });
}

}  // namespace aisp::labs::ch03::docker
