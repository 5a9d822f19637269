// 8 bits as storage only: at each step the whole cache is widened to f32, and attention is that of
// an f32 cache. What `QuantizedCache` of transformers does.
#include <algorithm>
#include <cmath>

#include "kernels/decode_attention/decode_attention.h"
#include "labs/ch19_low_precision/dynamic_quantized_cache/problem.h"

namespace aisp::labs::ch19::dynamic_quantized_cache {
namespace {

namespace dense = kernels::decode_attention;

/// K or V: bytes and a scale for each head of each token, in the order of appending.
struct Bytes {
  std::int64_t heads, size;
  std::vector<std::int8_t> q;
  std::vector<float> scales, wide;
  Bytes(std::int64_t tokens, std::int64_t kv_heads, std::int64_t head_size)
      : heads(kv_heads),
        size(head_size),
        q(static_cast<std::size_t>(tokens * kv_heads * head_size)),
        scales(static_cast<std::size_t>(tokens * kv_heads)),
        wide(q.size()) {}

  void append(const float* x, std::int64_t first, std::int64_t count) {
    for (std::int64_t row = 0; row < count * heads; ++row) {
      const float* from = x + row * size;
      float most = 0x1p-60f;
      for (std::int64_t d = 0; d < size; ++d) most = std::max(most, std::fabs(from[d]));
      scales[static_cast<std::size_t>(first * heads + row)] = most / 127.0f;
      std::int8_t* to = q.data() + (first * heads + row) * size;
      const float inverse = 127.0f / most;
      for (std::int64_t d = 0; d < size; ++d) {
        const float steps = from[d] * inverse;
        to[d] = static_cast<std::int8_t>(steps + std::copysign(0.5f, steps));
      }
    }
  }
  const float* widen(std::int64_t tokens) {
    for (std::int64_t row = 0; row < tokens * heads; ++row) {
      const float scale = scales[static_cast<std::size_t>(row)];
      const std::int8_t* from = q.data() + row * size;
      float* __restrict to = wide.data() + row * size;
      for (std::int64_t d = 0; d < size; ++d) to[d] = scale * static_cast<float>(from[d]);
    }
    return wide.data();
  }
};

class Widened {
 public:
  explicit Widened(const Shape& s)
      : heads_{s.heads.heads, s.heads.kv_heads, s.heads.head_size},
        k_(s.tokens(), s.heads.kv_heads, s.heads.head_size),
        v_(k_),
        scratch_(dense::scratch_floats(heads_, s.tokens())) {}

  void append(const float* k, const float* v, std::int64_t first, std::int64_t count) {
    k_.append(k, first, count);
    v_.append(v, first, count);
  }
  void attend(const float* q, std::int64_t tokens, float* out) {
    const dense::Run run{k_.widen(tokens), v_.widen(tokens), tokens};
    dense::attend(heads_, {&run, 1}, q, scratch_.data(), out);
  }

 private:
  dense::Shape heads_;
  Bytes k_, v_;
  std::vector<float> scratch_;
};

}  // namespace

bench::Technique int8_widened() {
  return serving("int8_widened", "stored in 8 bits, all of it widened to f32 at each step", 1,
                 [](const Shape& shape) { return std::make_shared<Widened>(shape); });
}

}  // namespace aisp::labs::ch19::dynamic_quantized_cache
