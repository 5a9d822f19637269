// The engine's append and attend, as they are.
#include "labs/ch18_attention_decoding/paged_attn_layout/transposed.h"

namespace aisp::labs::ch18::paged_attn_layout {

bench::Technique transposed_32() {
  return serving("transposed_32", "the engine's blocks of 32 tokens, K transposed",
                 [](const Shape& shape) { return std::make_shared<Transposed>(shape); });
}

}  // namespace aisp::labs::ch18::paged_attn_layout
