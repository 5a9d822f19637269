// The same on every core.
#include "labs/ch19_low_precision/dynamic_quantized_cache/problem.h"

namespace aisp::labs::ch19::dynamic_quantized_cache {

bench::Technique int8_blocks_threads() {
  return in_blocks("int8_blocks_threads", "the same, every core",
                   kernels::paged_attention::Type::kI8, 0);
}

}  // namespace aisp::labs::ch19::dynamic_quantized_cache
