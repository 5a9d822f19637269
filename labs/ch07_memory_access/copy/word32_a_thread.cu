// Structs of 32 bytes, as the book's hbm_copy: on sm_90 two instructions of 16 bytes, each of which
// leaves half of every 32-byte sector to the other.
#include "labs/ch07_memory_access/copy/words.cuh"

namespace aisp::labs::ch07::copy {

std::unique_ptr<bench::Plan> plan_word32_a_thread(const bench::Params& params) {
  return plan_words<Word32, 1>(params);
}

}  // namespace aisp::labs::ch07::copy
