// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::takes_all_memory {

Plans plans();

bench::Lab describe() {
  return map_lab("Does asking for too much device memory cost more than the technique?",
                 AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::takes_all_memory
