// The same on every core.
#include "labs/ch16_production_inference/flash_sdp/problem.h"

namespace aisp::labs::ch16::flash_sdp {

bench::Technique online_chunks_threads() {
  return by_chunks("online_chunks_threads", "the same, every core", 0);
}

}  // namespace aisp::labs::ch16::flash_sdp
