// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::works_when_poisoned {

Plans plans();

bench::Lab describe() {
  return map_lab("Is work caught on a GPU that is done only after the output changed?",
                 AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::works_when_poisoned
