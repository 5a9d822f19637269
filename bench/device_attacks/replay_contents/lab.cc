// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::replay_contents {

Plans plans();

bench::Lab describe() {
  return map_lab("Is an output replayed by a hash of the contents caught on a GPU?",
                 AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::replay_contents
