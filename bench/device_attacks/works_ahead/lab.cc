// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::works_ahead {

Plans plans();

// Four times the usual size: 280 us of work, far beyond what a slow look of the host explains.
bench::Lab describe() {
  return map_lab("Is work caught that another stream does after the clock stopped?",
                 AISP_DEVICE(plans), 4 * kCount);
}

}  // namespace aisp::device_attacks::works_ahead
