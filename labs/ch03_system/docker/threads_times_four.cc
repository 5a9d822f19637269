// Threads counted on another machine: OMP_NUM_THREADS in an image that was built for a host with
// four times the cores.
#include "labs/ch03_system/docker/problem.h"
#include "machine/cpu.h"

namespace aisp::labs::ch03::docker {

bench::Technique threads_times_four() {
  return contained(
      "threads_times_four", "four threads for each core, under the quota",
      [](double share) -> Setup { return {.threads = 4 * machine::cpu().cores, .quota = share}; });
}

}  // namespace aisp::labs::ch03::docker
