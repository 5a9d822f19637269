// The engine's experts on every core: threads share the work of all experts of a call.
#include "labs/ch15_disaggregated_inference/moe_inference/problem.h"

namespace aisp::labs::ch15::moe_inference {

bench::Technique engine_grouped_threads() {
  return engine("engine_grouped_threads", "the engine's products on every core", 0);
}

}  // namespace aisp::labs::ch15::moe_inference
