// The baseline: the program counts the cores that it sees, which a quota does not change, and
// starts a thread for each. What OpenMP, OpenBLAS, Go before 1.25 and
// std::thread::hardware_concurrency() do in a container started with --cpus. Source: Docker
// documentation, resource constraints; Linux scheduler/sched-bwc.rst (100 ms is the default
// period).
#include "labs/ch03_system/docker/problem.h"
#include "machine/cpu.h"

namespace aisp::labs::ch03::docker {

bench::Technique threads_by_cores() {
  return contained(
      "threads_by_cores", "a thread for each core that the container sees, under a quota",
      [](double share) -> Setup { return {.threads = machine::cpu().cores, .quota = share}; });
}

}  // namespace aisp::labs::ch03::docker
