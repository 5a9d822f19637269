// The engine's own blocks: 32 tokens, K of a head [dimension][token], V [token][dimension]. A
// vector of scores needs no sum over its lanes; a row of K goes to one lane of each line of its
// block.
#pragma once

#include <memory>

#include "labs/ch18_attention_decoding/paged_attn_layout/problem.h"

namespace aisp::labs::ch18::paged_attn_layout {

class Transposed {
 public:
  explicit Transposed(const Shape& shape)
      : heads_(shape.heads), blocks_(shape, kernels::paged_attention::kBlockTokens) {}

  void append(const float* k, const float* v, std::int64_t first, std::int64_t count) {
    const auto rows = sequence(first, count);
    kernels::paged_attention::append(cache(), {&rows, 1}, k, v, 0, pool_);
  }
  void attend(const float* q, std::int64_t tokens, float* out) {
    const auto row = sequence(tokens - 1, 1);
    kernels::paged_attention::attend(workspace_, cache(), {.heads = heads_.heads}, {&row, 1},
                                     {.q = q, .out = out});
  }

 protected:
  kernels::paged_attention::Sequence sequence(std::int64_t first, std::int64_t count) const {
    return {.rows = count, .context = first, .blocks = blocks_.table()};
  }
  kernels::paged_attention::Cache cache() const {
    return {.type = kernels::paged_attention::Type::kF32,
            .kv_heads = heads_.kv_heads,
            .head_size = heads_.head_size,
            .data = blocks_.data()};
  }

  kernels::eager_attention::Heads heads_;
  Blocks blocks_;
  machine::ThreadPool pool_{1};
  kernels::paged_attention::Workspace workspace_{pool_};
};

}  // namespace aisp::labs::ch18::paged_attn_layout
