// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::leftover_output {

Plans plans();

bench::Lab describe() {
  return map_lab("Is output left over in device memory caught?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::leftover_output
