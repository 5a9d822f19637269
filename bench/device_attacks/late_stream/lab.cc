// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::late_stream {

Plans plans();

// A sixteenth of the usual size: 9 us of work after the pause.
bench::Lab describe() {
  return map_lab("Are outputs caught that change after the stream is done?", AISP_DEVICE(plans),
                 kCount / 16);
}

}  // namespace aisp::device_attacks::late_stream
