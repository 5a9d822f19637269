// The model is asked for the logits of every row, and the last one is used: what the forward() of
// transformers returned until num_logits_to_keep came (version 4.45, 2024). Otherwise as
// reused_buffer: the product with the vocabulary for the prompt's other rows is the difference.
#include <algorithm>

#include "labs/ch15_disaggregated_inference/inference_monolithic/problem.h"

namespace aisp::labs::ch15::inference_monolithic {

bench::Technique all_logits() {
  return {.name = "all_logits",
          .summary = "logits of every row of the prompt, the last one kept",
          .plan = [](const bench::Params& params) {
            auto state = std::make_shared<State>(params);
            std::vector<float> rows(static_cast<std::size_t>(state->shape.prompt) *
                                    state->shape.vocab());
            return bench::plan_of([state, rows](const bench::Io& io) mutable {
              const Shape& shape = state->shape;
              const std::size_t vocab = shape.vocab();
              const std::span<float> out = io.out<float>(kLogits);
              Call call(*state, io);
              call.forward(0, shape.prompt, shape.prompt, rows);
              std::copy_n(rows.data() + rows.size() - vocab, vocab, out.data());
              for (std::int64_t step = 1; step < shape.steps; ++step) {
                call.forward(shape.prompt + step - 1, 1, 1,
                             out.subspan(static_cast<std::size_t>(step) * vocab, vocab));
              }
            });
          }};
}

}  // namespace aisp::labs::ch15::inference_monolithic
