// Half of the bytes; each number rounds once, by 2^-9 of itself at most.
#include "labs/ch19_low_precision/dynamic_quantized_cache/problem.h"

namespace aisp::labs::ch19::dynamic_quantized_cache {

bench::Technique bf16_blocks() {
  return in_blocks("bf16_blocks", "the engine's cache in bf16",
                   kernels::paged_attention::Type::kBF16, 1);
}

}  // namespace aisp::labs::ch19::dynamic_quantized_cache
