// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::failed_assert {

Plans plans();

bench::Lab describe() {
  return map_lab("Does a failed assertion on the device cost more than the technique?",
                 AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::failed_assert
