// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::unforked_stream {

Plans plans();

bench::Lab describe() {
  return map_lab("Does work count that does not wait for the timed stream?", AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::unforked_stream
