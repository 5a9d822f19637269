// The model that was not quantised: f32 weights, packed once, the engine's product for them.
#include "labs/ch16_production_inference/weight_quantization/problem.h"

namespace aisp::labs::ch16::weight_quantization {

bench::Technique wide_weights() {
  return engine("wide_weights", "the same weights kept in f32, the engine's product", kWide, 1);
}

}  // namespace aisp::labs::ch16::weight_quantization
