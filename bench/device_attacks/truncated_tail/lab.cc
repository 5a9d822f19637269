// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::truncated_tail {

Plans plans();

bench::Lab describe() {
  return map_lab("Is a tail that is left out caught on a GPU?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::truncated_tail
