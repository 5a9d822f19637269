// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::counts_calls {

Plans plans();

bench::Lab describe() {
  return map_lab("Is a technique caught on a GPU that is right only while verified?",
                 AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::counts_calls
