// What leaves the cache goes to a mapped file. Nobody waits for the disk: the page cache holds the
// file, as long as memory is left for it.
#include "labs/ch15_disaggregated_inference/kv_cache_tiers/problem.h"

namespace aisp::labs::ch15::kv_cache_tiers {

bench::Technique mapped_file_tier() {
  return {.name = "mapped_file_tier",
          .summary = "blocks go to a mapped file, which the page cache holds",
          .plan = [](const bench::Params& params) {
            auto state = std::make_shared<State>(params);
            auto file = std::make_shared<MappedBlocks>(state->all_blocks(), state->block_bytes());
            return bench::plan_of([state, file, host = file->host()](const bench::Io& io) {
              serve_turns(*state, io, &host);
            });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_tiers
