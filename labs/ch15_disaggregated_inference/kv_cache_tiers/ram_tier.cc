// What leaves the cache goes to ordinary memory and comes back from there: the engine's host tier

#include <algorithm>

#include "labs/ch15_disaggregated_inference/kv_cache_tiers/problem.h"

namespace aisp::labs::ch15::kv_cache_tiers {

bench::Technique ram_tier() {
  return {.name = "ram_tier",
          .summary = "blocks go to memory beside the cache and come back",
          .plan = [](const bench::Params& params) {
            auto state = std::make_shared<State>(params);
            auto memory =
                std::make_shared<model::KvCache>(state->shape.model.config(), model::KvType::kF32,
                                                 static_cast<std::int32_t>(state->all_blocks()));
            const recorded::HostBlocks host{
                .store =
                    [memory](serve::BlockId id, std::span<const std::byte> from) {
                      std::ranges::copy(from, memory->block(id).begin());
                    },
                .load =
                    [memory](serve::BlockId id, std::span<std::byte> to) {
                      std::ranges::copy(memory->block(id), to.begin());
                    }};
            return bench::plan_of(
                [state, host](const bench::Io& io) { serve_turns(*state, io, &host); });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_tiers
