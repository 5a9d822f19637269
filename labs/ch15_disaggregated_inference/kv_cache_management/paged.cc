// Blocks of 32 tokens from the pool that all requests share, as serve/ hands them out: a request
// takes one when its tokens reach into it, nothing is moved, and all go back at the end.
#include "labs/ch15_disaggregated_inference/kv_cache_management/problem.h"
#include "serve/block_pool.h"

namespace aisp::labs::ch15::kv_cache_management {

bench::Technique paged() {
  return {.name = "paged",
          .summary = "blocks of 32 tokens from a shared pool",
          .plan = [](const bench::Params& params) {
            const Shape shape(params);
            const std::int64_t blocks = shape.count() * shape.blocks();
            auto state = std::make_shared<State>(shape, blocks, shape.count() * shape.prompt);
            serve::BlockPool pool(static_cast<int>(blocks));
            std::vector<std::vector<std::int32_t>> tables(static_cast<std::size_t>(shape.count()));
            return bench::plan_of([state, pool, tables](const bench::Io& io) mutable {
              serve(*state, io, [&](std::int64_t request, std::int64_t tokens) {
                auto& table = tables[static_cast<std::size_t>(request)];
                while (static_cast<std::int64_t>(table.size()) * model::kBlockTokens < tokens) {
                  table.push_back(pool.take());
                }
                return std::span<const std::int32_t>(table);
              });
              for (auto& table : tables) {
                for (const std::int32_t id : table) pool.drop(id);
                table.clear();
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_management
