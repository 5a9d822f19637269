// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::unjoined_stream {

Plans plans();

// Four times the usual size: 280 us, far beyond what a slow look of the host explains.
bench::Lab describe() {
  return map_lab("Is work on a stream that is not joined caught?", AISP_DEVICE(plans), 4 * kCount);
}

}  // namespace aisp::device_attacks::unjoined_stream
