// [head][token][dimension], "HND": the keys of a head lie side by side, and appending a row touches
// a place for each head.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>

#include "labs/ch18_attention_decoding/paged_attn_layout/problem.h"

namespace aisp::labs::ch18::paged_attn_layout {

class HeadMajor {
 public:
  HeadMajor(const Shape& shape, std::int64_t block_tokens)
      : heads_(shape.heads),
        group_{shape.heads.group(), 1, shape.heads.head_size},
        blocks_(shape, block_tokens),
        scratch_(kernels::decode_attention::scratch_floats(group_, shape.tokens())) {
    runs_.reserve(blocks_.table().size());
  }

  void append(const float* k, const float* v, std::int64_t first, std::int64_t count) {
    const std::int64_t block = blocks_.block_tokens(), size = heads_.head_size;
    const auto bytes = static_cast<std::size_t>(size) * sizeof(float);
    for (std::int64_t t = first; t < first + count; ++t) {
      for (std::int64_t g = 0; g < heads_.kv_heads; ++g) {
        const std::int64_t from = (t - first) * heads_.kv_width() + g * size;
        float* to = blocks_.at(t / block) + (g * block + t % block) * size;
        std::memcpy(to, k + from, bytes);
        std::memcpy(to + blocks_.v_offset(), v + from, bytes);
      }
    }
  }

  void attend(const float* q, std::int64_t tokens, float* out) {
    const std::int64_t block = blocks_.block_tokens(), size = heads_.head_size;
    for (std::int64_t g = 0; g < heads_.kv_heads; ++g) {
      runs_.clear();
      for (std::int64_t t = 0; t < tokens; t += block) {
        const float* k = blocks_.at(t / block) + g * block * size;
        runs_.push_back({k, k + blocks_.v_offset(), std::min(block, tokens - t)});
      }
      const std::int64_t first = g * heads_.group() * size;
      kernels::decode_attention::attend(group_, runs_, q + first, scratch_.data(), out + first);
    }
  }

 private:
  kernels::eager_attention::Heads heads_;
  kernels::decode_attention::Shape group_;
  Blocks blocks_;
  std::vector<kernels::decode_attention::Run> runs_;
  std::vector<float> scratch_;
};

inline bench::Technique head_major(const char* name, const char* summary,
                                   std::int64_t block_tokens) {
  return serving(name, summary, [block_tokens](const Shape& shape) {
    return std::make_shared<HeadMajor>(shape, block_tokens);
  });
}

}  // namespace aisp::labs::ch18::paged_attn_layout
