// The cache in blocks of 16 tokens from a pool, found through a block table. The projection of the
// prompt goes through a buffer, because its rows are not side by side in the cache.
#include "kernels/decode_attention/paged_kv.h"
#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"

namespace aisp::labs::ch15::kv_cache_management {
namespace {

using kernels::decode_attention::BlockPool;
using kernels::decode_attention::kBlockTokens;
using kernels::decode_attention::PagedSequence;

struct State {
  explicit State(const Shape& s)
      : layer(s),
        k(static_cast<std::size_t>(s.prompt * s.kv_width)),
        v(k.size()),
        pool((s.tokens() + kBlockTokens - 1) / kBlockTokens, s.kv_width) {}
  Layer layer;
  std::vector<float> k, v;  // [prompt, kv_width], on the way to the cache
  BlockPool pool;
};

}  // namespace

bench::Technique cached_paged() {
  return {.name = "cached_paged",
          .summary = "K and V of each token once, kept in blocks of 16 tokens",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            auto state = std::make_shared<State>(shape);
            return bench::plan_of([state, shape](const bench::Io& io) {
              float *k = state->k.data(), *v = state->v.data();
              PagedSequence cache(state->pool);
              state->layer.project(io, 0, shape.prompt, k, v);
              cache.append(k, v, shape.prompt);
              for (std::int64_t step = 0; step < shape.steps; ++step) {
                state->layer.project(io, shape.prompt + step, 1, k, v);
                cache.append(k, v, 1);
                state->layer.attend(io, step, cache.runs());
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_management
