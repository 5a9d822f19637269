// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::illegal_address {

Plans plans();

bench::Lab describe() {
  return map_lab("Does an illegal address cost more than the technique?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::illegal_address
