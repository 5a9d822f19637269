// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::nan_output {

Plans plans();

bench::Lab describe() {
  return map_lab("Is a NaN that hides in a comparison caught on a GPU?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::nan_output
