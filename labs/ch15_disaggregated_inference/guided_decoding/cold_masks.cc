// The matcher's masks with nothing remembered: the first request with a grammar that nobody used.
#include "labs/ch15_disaggregated_inference/guided_decoding/problem.h"

namespace aisp::labs::ch15::guided_decoding {

bench::Technique cold_masks() {
  return {.name = "cold_masks",
          .summary = "the matcher's masks, nothing remembered at the start",
          .plan = [](const bench::Params& params) {
            const World& known = world(params["V"]);
            std::vector<std::uint64_t> mask(known.vocabulary->mask_words());
            return bench::plan_of([&known, mask](const bench::Io& io) mutable {
              serve(io, text::GrammarState(known.matcher()),
                    [&](const text::GrammarState& state, std::span<const float> logits) {
                      return best_of_mask(state, logits, mask);
                    });
            });
          }};
}

}  // namespace aisp::labs::ch15::guided_decoding
