// The same on every core.
#include "labs/ch16_production_inference/weight_quantization/problem.h"

namespace aisp::labs::ch16::weight_quantization {

bench::Technique packed_integers_threads() {
  return engine("packed_integers_threads", "the same, every core", kPacked, 0);
}

}  // namespace aisp::labs::ch16::weight_quantization
