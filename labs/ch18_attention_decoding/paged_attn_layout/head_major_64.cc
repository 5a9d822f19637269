// See head_major.h.
#include "labs/ch18_attention_decoding/paged_attn_layout/head_major.h"

namespace aisp::labs::ch18::paged_attn_layout {

bench::Technique head_major_64() {
  return head_major("head_major_64", "the same in blocks of 64 tokens", 64);
}

}  // namespace aisp::labs::ch18::paged_attn_layout
