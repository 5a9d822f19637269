// The result so far is replaced at each step by a copy that is longer by one: torch.cat in the
// loop, as in examples that keep one tensor.
#include <algorithm>
#include <memory>

#include "labs/ch15_disaggregated_inference/inference_monolithic/problem.h"

namespace aisp::labs::ch15::inference_monolithic {

bench::Technique grown_each_step() {
  return {.name = "grown_each_step",
          .summary = "all logits so far copied to a longer memory at each step",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([state = std::make_shared<State>(params)](const bench::Io& io) {
              const Shape& shape = state->shape;
              const std::size_t vocab = shape.vocab();
              Call call(*state, io);
              std::unique_ptr<float[]> all;
              for (std::int64_t step = 0; step < shape.steps; ++step) {
                const std::size_t before = static_cast<std::size_t>(step) * vocab;
                auto logits = std::make_unique_for_overwrite<float[]>(vocab);
                const std::int64_t first = step == 0 ? 0 : shape.prompt + step - 1;
                call.forward(first, step == 0 ? shape.prompt : 1, 1, {logits.get(), vocab});
                auto longer = std::make_unique_for_overwrite<float[]>(before + vocab);
                std::copy_n(all.get(), before, longer.get());
                std::copy_n(logits.get(), vocab, longer.get() + before);
                all = std::move(longer);
              }
              std::copy_n(all.get(), io.out<float>(kLogits).size(), io.out<float>(kLogits).data());
            });
          }};
}

}  // namespace aisp::labs::ch15::inference_monolithic
