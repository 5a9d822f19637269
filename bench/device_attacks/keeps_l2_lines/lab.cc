// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::keeps_l2_lines {

Plans plans();

bench::Lab describe() {
  return map_lab("Is an L2 window left on the stream caught?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::keeps_l2_lines
