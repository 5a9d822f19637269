// Each step returns its logits in memory of its own, a list keeps them, and at the end they are
// stacked: the `scores` of transformers' generate(), and most hand-written loops.
#include <algorithm>
#include <memory>

#include "labs/ch15_disaggregated_inference/inference_monolithic/problem.h"

namespace aisp::labs::ch15::inference_monolithic {

bench::Technique list_then_stack() {
  return {.name = "list_then_stack",
          .summary = "logits of each step in memory of their own, stacked at the end",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([state = std::make_shared<State>(params)](const bench::Io& io) {
              const Shape& shape = state->shape;
              const std::size_t vocab = shape.vocab();
              Call call(*state, io);
              std::vector<std::unique_ptr<float[]>> list;
              for (std::int64_t step = 0; step < shape.steps; ++step) {
                auto logits = std::make_unique_for_overwrite<float[]>(vocab);
                const std::int64_t first = step == 0 ? 0 : shape.prompt + step - 1;
                call.forward(first, step == 0 ? shape.prompt : 1, 1, {logits.get(), vocab});
                list.push_back(std::move(logits));
              }
              float* to = io.out<float>(kLogits).data();
              for (const auto& logits : list) to = std::copy_n(logits.get(), vocab, to);
            });
          }};
}

}  // namespace aisp::labs::ch15::inference_monolithic
