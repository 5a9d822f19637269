// See token_major.h.
#include "labs/ch18_attention_decoding/paged_attn_layout/token_major.h"

namespace aisp::labs::ch18::paged_attn_layout {

bench::Technique token_major_64() {
  return token_major("token_major_64", "the same in blocks of 64 tokens", 64);
}

}  // namespace aisp::labs::ch18::paged_attn_layout
