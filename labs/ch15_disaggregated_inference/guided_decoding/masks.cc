// The matcher's mask at each step, as the engine asks for it: which pieces fit at a place of the
// grammar was found once. Warm: the plan walks through a document of its own, as a server has after
// the first requests with this grammar.
#include <bit>

#include "labs/ch15_disaggregated_inference/guided_decoding/problem.h"

namespace aisp::labs::ch15::guided_decoding {

std::int32_t best_of_mask(const text::GrammarState& state, std::span<const float> logits,
                          std::span<std::uint64_t> mask) {
  state.mask(mask);
  std::int32_t best = -1;
  for (std::size_t word = 0; word < mask.size(); ++word) {
    for (std::uint64_t bits = mask[word]; bits != 0; bits &= bits - 1) {
      const std::size_t id = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      if (best < 0 || logits[id] > logits[static_cast<std::size_t>(best)]) {
        best = static_cast<std::int32_t>(id);
      }
    }
  }
  return best;
}

bench::Technique masks() {
  return {.name = "masks",
          .summary = "the matcher's mask at each step, warm",
          .plan = [](const bench::Params& params) {
            const World& known = world(params["V"]);
            const auto matcher = known.matcher();
            std::vector<std::uint64_t> mask(known.vocabulary->mask_words());
            text::GrammarState warm(matcher);
            const std::string text = document(1, 4000);
            for (const std::int32_t id : known.tokenizer.encode(text)) {
              warm.mask(mask);
              warm.advance(id);
            }
            return bench::plan_of([matcher, mask](const bench::Io& io) mutable {
              serve(io, text::GrammarState(matcher),
                    [&](const text::GrammarState& state, std::span<const float> logits) {
                      return best_of_mask(state, logits, mask);
                    });
            });
          }};
}

}  // namespace aisp::labs::ch15::guided_decoding
