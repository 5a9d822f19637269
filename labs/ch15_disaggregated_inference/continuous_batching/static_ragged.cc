// The same batches without padding: rows of a prompt are as many as it has tokens, and a request
// that ended is left out. Its place stays empty until the whole batch has ended.
#include "labs/ch15_disaggregated_inference/continuous_batching/problem.h"

namespace aisp::labs::ch15::continuous_batching {
namespace {

void serve_batch(State& state, std::int64_t first, std::int64_t end) {
  bool left = true;
  for (std::int64_t step = 0; left; ++step) {
    left = false;
    for (std::int64_t r = first; r < end; ++r) {
      const recorded::Request& own = state.shape.request(r);
      if (step >= own.answer) continue;
      const bool start = step == 0;
      state.steps.add(r, start ? 0 : own.prompt + step - 1, start ? own.prompt : 1,
                      state.blocks(r - first));
      left = left || step + 1 < own.answer;
    }
    state.steps.forward();
  }
}

}  // namespace

bench::Technique static_ragged() {
  return in_batches("static_ragged", "the same batches, no row for padding or for what has ended",
                    serve_batch);
}

}  // namespace aisp::labs::ch15::continuous_batching
