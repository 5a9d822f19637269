// The table, and K turned on its way into the cache: read once, written once, in bf16, with no copy
// in between. As vLLM's and FlashInfer's fused rope-and-append kernels.
#include "kernels/paged_attention/layout.h"
#include "labs/ch18_attention_decoding/rope_q_cache/problem.h"

namespace aisp::labs::ch18::rope_q_cache {
namespace {

namespace paged = kernels::paged_attention;

/// 32 rows into their block. K goes [dimension][token]: a dimension of all 32 tokens is one line,
/// which is written whole; V goes [token][dimension].
void append_block(const Shape& s, const float* k, const float* v, const float* cosine,
                  const float* sine, std::byte* block) {
  const std::int64_t half = s.size / 2, width = s.kv_width();
  for (std::int64_t g = 0; g < s.kv_heads; ++g) {
    const paged::Places at = paged::places(paged::Type::kBF16, s.kv_heads, s.size, g);
    auto* to_k = reinterpret_cast<bf16*>(block + at.k);
    auto* to_v = reinterpret_cast<bf16*>(block + at.v);
    const float* key = k + g * s.size;
    for (std::int64_t i = 0; i < half; ++i) {
      bf16* low = to_k + i * paged::kBlockTokens;
      bf16* high = to_k + (half + i) * paged::kBlockTokens;
      for (std::int64_t t = 0; t < paged::kBlockTokens; ++t) {
        const float a = key[t * width + i], b = key[t * width + half + i];
        const float c = cosine[t * half + i], n = sine[t * half + i];
        low[t] = bf16(a * c - b * n);
        high[t] = bf16(b * c + a * n);
      }
    }
    for (std::int64_t t = 0; t < paged::kBlockTokens; ++t) {
      const float* value = v + t * width + g * s.size;
      for (std::int64_t d = 0; d < s.size; ++d) to_v[t * s.size + d] = bf16(value[d]);
    }
  }
}

}  // namespace

bench::Technique table_fused_append() {
  return {.name = "table_fused_append",
          .summary = "the table; K is turned while it is written into its block",
          .plan = [](const bench::Params& params) {
            const Shape s(params);
            auto table = std::make_shared<Table>(s);
            return bench::plan_of([table, s](const bench::Io& io) {
              const auto& angles = table->pick(io.in<std::int32_t>(kPositions));
              const std::int64_t bytes = paged::block_bytes(paged::Type::kBF16, s.kv_heads, s.size);
              for (std::int64_t l = 0; l < s.layers; ++l) {
                const Layer layer = layer_of(s, io, l);
                turn_q(s, layer, angles);
                for (std::int64_t r = 0; r < s.rows; r += paged::kBlockTokens) {
                  append_block(s, layer.k + r * s.kv_width(), layer.v + r * s.kv_width(),
                               angles.cosine.data() + r * angles.pairs,
                               angles.sine.data() + r * angles.pairs,
                               layer.cache.data + r / paged::kBlockTokens * bytes);
                }
              }
            });
          }};
}

}  // namespace aisp::labs::ch18::rope_q_cache
