// See attack.cuh.
#include "bench/device_attacks/common.h"

namespace aisp::device_attacks::stale_graph {

Plans plans();

bench::Lab describe() {
  return map_lab("Is a graph caught that holds the pointers of an earlier set?",
                 AISP_DEVICE(plans));
}

}  // namespace aisp::device_attacks::stale_graph
