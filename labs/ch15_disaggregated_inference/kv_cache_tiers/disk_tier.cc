// The same mapped file when memory is short: between two turns everything is written to the disk
// and leaves the page cache (which is checked), so that a conversation comes back from the disk.
#include "labs/ch15_disaggregated_inference/kv_cache_tiers/problem.h"

namespace aisp::labs::ch15::kv_cache_tiers {

bench::Technique disk_tier() {
  return {.name = "disk_tier",
          .summary = "the same file, written and dropped from the page cache after each turn",
          .blocks = true,
          .needs = [](const machine::Cpu&) { return no_disk_for_temporary_files(); },
          .plan =
              [](const bench::Params& params) {
                auto state = std::make_shared<State>(params);
                auto file =
                    std::make_shared<MappedBlocks>(state->all_blocks(), state->block_bytes());
                return bench::plan_of([state, file, host = file->host()](const bench::Io& io) {
                  serve_turns(*state, io, &host, [&] { file->to_disk(); });
                });
              }};
}

}  // namespace aisp::labs::ch15::kv_cache_tiers
