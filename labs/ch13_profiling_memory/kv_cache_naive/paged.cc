// Blocks of 16 tokens from a pool that all requests share, found through a block table: no request
// reserves more than it uses, nothing is moved, freed blocks serve the next request.
#include <algorithm>
#include <memory>

#include "kernels/decode_attention/paged_kv.h"
#include "labs/ch13_profiling_memory/kv_cache_naive/problem.h"

namespace aisp::labs::ch13::kv_cache_naive {

bench::Technique paged() {
  using kernels::decode_attention::BlockPool;
  using kernels::decode_attention::kBlockTokens;
  using kernels::decode_attention::PagedSequence;
  return {
      .name = "paged",
      .summary = "blocks of 16 tokens from a shared pool, a block table for each request",
      .plan = [](const bench::Params& params) {
        const Shape shape(params);
        const std::int64_t blocks = (shape.tokens() + kBlockTokens - 1) / kBlockTokens;
        auto pool = std::make_shared<BlockPool>(blocks, shape.width);
        return bench::plan_of([shape, floats = scratch(shape), pool](const bench::Io& io) mutable {
          serve(shape, io, floats.data(), [&] { return PagedSequence(*pool); });
        });
      }};
}

}  // namespace aisp::labs::ch13::kv_cache_naive
