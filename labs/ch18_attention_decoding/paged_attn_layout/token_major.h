// [token][head][dimension], "NHD": appending is one copy of a row, and attention finds the keys of
// a head a whole row apart.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>

#include "labs/ch18_attention_decoding/paged_attn_layout/problem.h"

namespace aisp::labs::ch18::paged_attn_layout {

class TokenMajor {
 public:
  TokenMajor(const Shape& shape, std::int64_t block_tokens)
      : heads_{shape.heads.heads, shape.heads.kv_heads, shape.heads.head_size},
        width_(shape.heads.kv_width()),
        blocks_(shape, block_tokens),
        scratch_(kernels::decode_attention::scratch_floats(heads_, shape.tokens())) {
    runs_.reserve(blocks_.table().size());
  }

  void append(const float* k, const float* v, std::int64_t first, std::int64_t count) {
    const std::int64_t size = blocks_.block_tokens();
    for (std::int64_t t = first; t < first + count;) {
      const std::int64_t some = std::min(size - t % size, first + count - t);
      const auto bytes = static_cast<std::size_t>(some * width_) * sizeof(float);
      float* to = blocks_.at(t / size) + t % size * width_;
      std::memcpy(to, k + (t - first) * width_, bytes);
      std::memcpy(to + blocks_.v_offset(), v + (t - first) * width_, bytes);
      t += some;
    }
  }

  void attend(const float* q, std::int64_t tokens, float* out) {
    const std::int64_t size = blocks_.block_tokens();
    runs_.clear();
    for (std::int64_t t = 0; t < tokens; t += size) {
      const float* k = blocks_.at(t / size);
      runs_.push_back({k, k + blocks_.v_offset(), std::min(size, tokens - t)});
    }
    kernels::decode_attention::attend(heads_, runs_, q, scratch_.data(), out);
  }

 private:
  kernels::decode_attention::Shape heads_;
  std::int64_t width_;
  Blocks blocks_;
  std::vector<kernels::decode_attention::Run> runs_;
  std::vector<float> scratch_;
};

inline bench::Technique token_major(const char* name, const char* summary,
                                    std::int64_t block_tokens) {
  return serving(name, summary, [block_tokens](const Shape& shape) {
    return std::make_shared<TokenMajor>(shape, block_tokens);
  });
}

}  // namespace aisp::labs::ch18::paged_attn_layout
