// See head_major.h.
#include "labs/ch18_attention_decoding/paged_attn_layout/head_major.h"

namespace aisp::labs::ch18::paged_attn_layout {

bench::Technique head_major_16() {
  return head_major("head_major_16", "[head][token][dimension], 16 tokens a block", 16);
}

}  // namespace aisp::labs::ch18::paged_attn_layout
