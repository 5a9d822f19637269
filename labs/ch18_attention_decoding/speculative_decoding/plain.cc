// A token a step: what every engine does unless it is told to guess.
#include "labs/ch18_attention_decoding/speculative_decoding/problem.h"

namespace aisp::labs::ch18::speculative_decoding {

bench::Technique plain() {
  return {.name = "plain", .summary = "one token a step", .plan = [](const bench::Params& params) {
            auto state = std::make_shared<State>(params, 0);
            return bench::plan_of([state](const bench::Io& io) { decode(*state, io, nullptr); });
          }};
}

}  // namespace aisp::labs::ch18::speculative_decoding
