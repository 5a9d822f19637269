// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::leaks_memory {

Plans plans();

bench::Lab describe() {
  return map_lab("Is device memory leaked at every call noticed?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::leaks_memory
