// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::skipped_rows {

Plans plans();

bench::Lab describe() { return map_lab("Are skipped rows caught on a GPU?", AISP_DEVICE(plans)); }

}  // namespace aisp::device_attacks::skipped_rows
