// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::keeps_pool_memory {

Plans plans();

bench::Lab describe() {
  return map_lab("Is a memory pool left changed caught?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::keeps_pool_memory
