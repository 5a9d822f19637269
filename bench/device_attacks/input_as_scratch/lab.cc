// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::input_as_scratch {

Plans plans();

bench::Lab describe() {
  return map_lab("Is a modified input caught on a GPU?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::input_as_scratch
