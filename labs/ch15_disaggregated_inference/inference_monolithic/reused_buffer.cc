// One memory of the whole length from the beginning; each step writes its logits into its place.
#include "labs/ch15_disaggregated_inference/inference_monolithic/problem.h"

namespace aisp::labs::ch15::inference_monolithic {

bench::Technique reused_buffer() {
  return {.name = "reused_buffer",
          .summary = "each step writes its logits into their place",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([state = std::make_shared<State>(params)](const bench::Io& io) {
              const Shape& shape = state->shape;
              const std::size_t vocab = shape.vocab();
              Call call(*state, io);
              for (std::int64_t step = 0; step < shape.steps; ++step) {
                const std::int64_t first = step == 0 ? 0 : shape.prompt + step - 1;
                call.forward(
                    first, step == 0 ? shape.prompt : 1, 1,
                    io.out<float>(kLogits).subspan(static_cast<std::size_t>(step) * vocab, vocab));
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::inference_monolithic
