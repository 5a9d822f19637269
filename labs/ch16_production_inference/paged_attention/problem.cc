// Reading a request out of the pool, as `pool[block_table]` does in a framework, widened to f32.
#include <algorithm>

#include "labs/ch16_production_inference/paged_attention/problem.h"

namespace aisp::labs::ch16::paged_attention {
namespace {

using kernels::paged_attention::kBlockTokens;

void widen(const bf16* from, const float*, std::int64_t tokens, std::int64_t heads,
           std::int64_t size, float* __restrict to) {
  for (std::int64_t i = 0; i < tokens * heads * size; ++i) to[i] = static_cast<float>(from[i]);
}
void widen(const std::int8_t* from, const float* scales, std::int64_t tokens, std::int64_t heads,
           std::int64_t size, float* __restrict to) {
  for (std::int64_t i = 0; i < tokens * heads; ++i) {
    const float scale = scales[i];
    for (std::int64_t d = 0; d < size; ++d) {
      to[i * size + d] = scale * static_cast<float>(from[i * size + d]);
    }
  }
}

template <class T>
void gather_as(const Shape& shape, const bench::Io& io, std::int64_t request, std::int64_t tokens,
               Gathered& to) {
  const std::int64_t heads = shape.heads.kv_heads, width = shape.heads.kv_width();
  const auto* table = io.in<std::int32_t>(kTables).data() + request * shape.cache.table();
  const float* scales[] = {io.in<float>(kScaleK).data(), io.in<float>(kScaleV).data()};
  for (std::int64_t t = 0; t < tokens; t += kBlockTokens) {
    const std::int64_t block = table[t / kBlockTokens] * kBlockTokens;
    const std::int64_t count = std::min(kBlockTokens, tokens - t);
    const std::int64_t scale =
        shape.type == kernels::paged_attention::Type::kI8 ? block * heads : 0;
    widen(io.in<T>(kPoolK).data() + block * width, scales[0] + scale, count, heads,
          shape.heads.head_size, to.k.data() + t * width);
    widen(io.in<T>(kPoolV).data() + block * width, scales[1] + scale, count, heads,
          shape.heads.head_size, to.v.data() + t * width);
  }
}

}  // namespace

Gathered::Gathered(const Shape& shape)
    : k(static_cast<std::size_t>(shape.cache.longest * shape.heads.kv_width())), v(k.size()) {}

void Gathered::gather(const Shape& shape, const bench::Io& io, std::int64_t request,
                      std::int64_t tokens) {
  if (shape.type == kernels::paged_attention::Type::kI8) {
    gather_as<std::int8_t>(shape, io, request, tokens, *this);
  } else {
    gather_as<bf16>(shape, io, request, tokens, *this);
  }
}

}  // namespace aisp::labs::ch16::paged_attention
