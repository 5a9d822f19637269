// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::wrong_stream {

Plans plans();

bench::Lab describe() {
  return map_lab("Is work beside the timed stream caught?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::wrong_stream
