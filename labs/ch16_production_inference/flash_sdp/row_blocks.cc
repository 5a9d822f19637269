// The same calls on 64 rows at a time, over the tokens that one of them sees: scores stay in the
// last cache, and most of the hidden products fall away. What can be had without writing a kernel.
#include "labs/ch16_production_inference/flash_sdp/problem.h"

namespace aisp::labs::ch16::flash_sdp {

// 64 rows of 2048 tokens are 16 MiB of scores for 32 heads, which level 3 holds; shorter blocks
// make the products slower.
bench::Technique row_blocks() {
  return by_matrix("row_blocks", "the same calls, 64 rows at a time over what they see", 64);
}

}  // namespace aisp::labs::ch16::flash_sdp
