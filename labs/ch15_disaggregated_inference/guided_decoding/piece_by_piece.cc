// Each step asks for every piece of the vocabulary whether the text may go on with it. The grammar
// itself is the engine's, which remembers its steps: a parser that starts anew for each piece, as
// the first libraries for guided text had, is slower still.
#include "labs/ch15_disaggregated_inference/guided_decoding/problem.h"

namespace aisp::labs::ch15::guided_decoding {

std::int32_t best_of_all(const World& world, const text::GrammarState& state,
                         std::span<const float> logits) {
  std::int32_t best = -1;
  for (std::int32_t id = 0; id < static_cast<std::int32_t>(logits.size()); ++id) {
    if (!world.is_text(id) || !state.allowed(world.tokenizer.piece(id))) continue;
    const auto at = static_cast<std::size_t>(id);
    if (best < 0 || logits[at] > logits[static_cast<std::size_t>(best)]) best = id;
  }
  return best;
}

bench::Technique piece_by_piece() {
  return {.name = "piece_by_piece",
          .summary = "every piece of the vocabulary asked at each step",
          .plan = [](const bench::Params& params) {
            const World& known = world(params["V"]);
            return bench::plan_of([&known, matcher = known.matcher()](const bench::Io& io) {
              serve(io, text::GrammarState(matcher),
                    [&](const text::GrammarState& state, std::span<const float> logits) {
                      return best_of_all(known, state, logits);
                    });
            });
          }};
}

}  // namespace aisp::labs::ch15::guided_decoding
