// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::replay_pointer {

Plans plans();

bench::Lab describe() {
  return map_lab("Is an output replayed by pointer caught on a GPU?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::replay_pointer
