// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::writes_past_end {

Plans plans();

// A size that does not fill its last block.
bench::Lab describe() {
  return map_lab("Is a write past the end of an output caught on a GPU?", AISP_DEVICE(plans),
                 kCount - 100);
}

}  // namespace aisp::device_attacks::writes_past_end
