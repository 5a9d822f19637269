// A quarter of the bytes, and scores and sums as products of 8-bit integers: the query and the
// weights of the softmax are rounded as well.
#include "labs/ch19_low_precision/dynamic_quantized_cache/problem.h"

namespace aisp::labs::ch19::dynamic_quantized_cache {

bench::Technique int8_blocks() {
  return in_blocks("int8_blocks", "the engine's cache in 8 bits, attended in 8 bits",
                   kernels::paged_attention::Type::kI8, 1);
}

}  // namespace aisp::labs::ch19::dynamic_quantized_cache
