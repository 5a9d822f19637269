// The same calls on 64 rows at a time, over the tokens that one of them sees: scores stay in the
// caches, and half of the hidden products fall away. What can be had without writing a kernel.
#include "labs/ch16_production_inference/flash_sdp/problem.h"

namespace aisp::labs::ch16::flash_sdp {

// 64 rows of 2048 tokens are 512 KiB a head, half of a level 2.
bench::Technique row_blocks() {
  return by_matrix("row_blocks", "the same calls, 64 rows at a time over what they see", 64);
}

}  // namespace aisp::labs::ch16::flash_sdp
