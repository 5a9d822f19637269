// What left the cache is gone: a conversation that comes back computes its keys and values again,
// but for what is still there.
#include "labs/ch15_disaggregated_inference/kv_cache_tiers/problem.h"

namespace aisp::labs::ch15::kv_cache_tiers {

bench::Technique recompute() {
  return {.name = "recompute",
          .summary = "no tier: what left the cache is computed again",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([state = std::make_shared<State>(params)](const bench::Io& io) {
              serve_turns(*state, io, nullptr);
            });
          }};
}

}  // namespace aisp::labs::ch15::kv_cache_tiers
