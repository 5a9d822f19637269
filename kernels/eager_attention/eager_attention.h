// Attention as frameworks compute it without a kernel of its own, from library calls over whole
// tensors: a product for the scores, a mask added, softmax, a product with V. It is what labs hold
// the engine's attention against; every call in it is the widest that this project has.
// Beside it reference.h, the formula in double, and scatter.h, K and V in blocks.
// Source: `eager_attention_forward` of Hugging Face transformers; PyTorch's math path of
// `scaled_dot_product_attention`.
#pragma once

#include <cstdint>
#include <memory>

namespace aisp::kernels::eager_attention {

struct Heads {
  std::int64_t heads = 1;     // of queries, a multiple of kv_heads
  std::int64_t kv_heads = 1;  // query head h reads KV head h / (heads / kv_heads)
  std::int64_t head_size = 1;
  std::int64_t group() const { return heads / kv_heads; }
  std::int64_t width() const { return heads * head_size; }        // of a row of q or out
  std::int64_t kv_width() const { return kv_heads * head_size; }  // of a token's K or V
};

/// One sequence: rows x heads x head_size queries, tokens x kv_heads x head_size K and V, tight.
struct Tensors {
  const float* q = nullptr;
  const float* k = nullptr;
  const float* v = nullptr;
  const float* mask = nullptr;  // rows x tokens, added to the scaled scores: 0 or -inf; may be null
  std::int64_t mask_stride = 0;  // 0: tokens
  float* out = nullptr;          // as q
};

/// Attention of `rows` queries to `tokens` tokens, made ready: the scores of all heads, heads x
/// rows x tokens floats, and a transposed K. Does not allocate afterwards; one thread; one call at
/// a time. A row that a mask hides everything from becomes NaN. Error as in reference.h.
/// Cost: 4 heads head_size rows tokens operations whatever the mask hides, and three passes over
/// the scores.
class EagerAttention {
 public:
  EagerAttention(const Heads& heads, std::int64_t rows, std::int64_t tokens);
  ~EagerAttention();
  EagerAttention(EagerAttention&&) noexcept;
  EagerAttention& operator=(EagerAttention&&) noexcept;
  void run(const Tensors& tensors);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aisp::kernels::eager_attention
