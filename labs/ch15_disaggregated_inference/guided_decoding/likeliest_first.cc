// The likeliest token is asked alone; only when it does not fit, every piece is. Source: llama.cpp,
// common/sampling.cpp (common_sampler_sample without grammar_first).
#include <algorithm>

#include "labs/ch15_disaggregated_inference/guided_decoding/problem.h"

namespace aisp::labs::ch15::guided_decoding {

bench::Technique likeliest_first() {
  return {.name = "likeliest_first",
          .summary = "the likeliest piece asked alone, all only when it does not fit",
          .plan = [](const bench::Params& params) {
            const World& known = world(params["V"]);
            return bench::plan_of([&known, matcher = known.matcher()](const bench::Io& io) {
              serve(io, text::GrammarState(matcher),
                    [&](const text::GrammarState& state, std::span<const float> logits) {
                      const auto best = static_cast<std::int32_t>(std::ranges::max_element(logits) -
                                                                  logits.begin());
                      if (known.is_text(best) && state.allowed(known.tokenizer.piece(best))) {
                        return best;
                      }
                      return best_of_all(known, state, logits);
                    });
            });
          }};
}

}  // namespace aisp::labs::ch15::guided_decoding
