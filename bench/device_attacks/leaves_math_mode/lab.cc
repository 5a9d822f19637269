// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::leaves_math_mode {

Plans plans();

bench::Lab describe() { return map_lab("Is a math mode left changed caught?", AISP_DEVICE(plans)); }

}  // namespace aisp::device_attacks::leaves_math_mode
