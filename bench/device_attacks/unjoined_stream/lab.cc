// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::unjoined_stream {

Plans plans();

bench::Lab describe() {
  return map_lab("Is work on a stream that is not joined caught?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::unjoined_stream
