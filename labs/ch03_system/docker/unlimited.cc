// No limit: what the same job does with the whole machine. Not a way to keep a limit; the scale
// that the others are read against.
#include "labs/ch03_system/docker/problem.h"
#include "machine/cpu.h"

namespace aisp::labs::ch03::docker {

bench::Technique unlimited() {
  return contained("unlimited", "every core, no limit: what the limit itself costs",
                   [](double) -> Setup { return {.threads = machine::cpu().cores}; });
}

}  // namespace aisp::labs::ch03::docker
