// See token_major.h.
#include "labs/ch18_attention_decoding/paged_attn_layout/token_major.h"

namespace aisp::labs::ch18::paged_attn_layout {

bench::Technique token_major_16() {
  return token_major("token_major_16", "[token][head][dimension], 16 tokens a block", 16);
}

}  // namespace aisp::labs::ch18::paged_attn_layout
