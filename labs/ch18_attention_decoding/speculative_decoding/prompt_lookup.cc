// Guesses from the text so far (serve/drafter.h): what followed the last few tokens before.
#include "labs/ch18_attention_decoding/speculative_decoding/problem.h"

namespace aisp::labs::ch18::speculative_decoding {

bench::Technique prompt_lookup() {
  return {.name = "prompt_lookup",
          .summary = "guesses from the text so far",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([state = std::make_shared<State>(params),
                                   lookup = serve::PromptLookup()](const bench::Io& io) mutable {
              decode(*state, io, &lookup);
            });
          }};
}

}  // namespace aisp::labs::ch18::speculative_decoding
