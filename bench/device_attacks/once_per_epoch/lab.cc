// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::once_per_epoch {

Plans plans();

bench::Lab describe() {
  return map_lab("Is work done once for many calls caught on a GPU?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::once_per_epoch
