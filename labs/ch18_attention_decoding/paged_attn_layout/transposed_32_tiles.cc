// The same blocks, written another way: where a prompt fills a whole block, K is transposed in
// register tiles (kernels/transpose) instead of number by number.
#include <cstring>

#include "kernels/paged_attention/layout.h"
#include "kernels/transpose/transpose.h"
#include "labs/ch18_attention_decoding/paged_attn_layout/transposed.h"

namespace aisp::labs::ch18::paged_attn_layout {
namespace {

namespace paged = kernels::paged_attention;

class TransposedByTiles : public Transposed {
 public:
  using Transposed::Transposed;

  void append(const float* k, const float* v, std::int64_t first, std::int64_t count) {
    const std::int64_t width = heads_.kv_width();
    while (first % paged::kBlockTokens == 0 && count >= paged::kBlockTokens) {
      write_block(k, v, first / paged::kBlockTokens);
      k += paged::kBlockTokens * width;
      v += paged::kBlockTokens * width;
      first += paged::kBlockTokens;
      count -= paged::kBlockTokens;
    }
    if (count > 0) Transposed::append(k, v, first, count);
  }

 private:
  void write_block(const float* k, const float* v, std::int64_t block) {
    const std::int64_t size = heads_.head_size, width = heads_.kv_width();
    auto* base = reinterpret_cast<std::byte*>(blocks_.at(block));
    for (std::int64_t g = 0; g < heads_.kv_heads; ++g) {
      const paged::Places at = paged::places(paged::Type::kF32, heads_.kv_heads, size, g);
      kernels::transpose::transpose({.in = k + g * size,
                                     .out = reinterpret_cast<float*>(base + at.k),
                                     .shape = {paged::kBlockTokens, size},
                                     .strides = {.in = width, .out = paged::kBlockTokens}});
      for (std::int64_t t = 0; t < paged::kBlockTokens; ++t) {
        std::memcpy(base + at.v + t * size * 4, v + t * width + g * size,
                    static_cast<std::size_t>(size) * 4);
      }
    }
  }
};

}  // namespace

bench::Technique transposed_32_tiles() {
  return serving("transposed_32_tiles", "the same blocks, whole ones written by a transpose",
                 [](const Shape& shape) { return std::make_shared<TransposedByTiles>(shape); });
}

}  // namespace aisp::labs::ch18::paged_attn_layout
