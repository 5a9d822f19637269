// One float a thread: the first kernel of every introduction. A warp's 128 bytes are one line.
#include "labs/ch07_memory_access/copy/words.cuh"

namespace aisp::labs::ch07::copy {

std::unique_ptr<bench::Plan> plan_float_a_thread(const bench::Params& params) {
  return plan_words<float, 1>(params);
}

}  // namespace aisp::labs::ch07::copy
