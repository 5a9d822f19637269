// Generation on the real transformer: R requests of P prompt tokens, S tokens generated for each,
// all requests side by side; each step may use only what lies before it. The problem is that of
// recorded/requests.h. Params: R, P, S, and M, L, V as there.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bench/lab.h"
#include "recorded/steps.h"

namespace aisp::labs::ch15::kv_cache_management {

struct Shape : recorded::Shape {
  explicit Shape(const bench::Params& params);
  std::int64_t prompt, steps;
  /// Blocks that hold a request at its end.
  std::int64_t blocks() const { return blocks_for(longest); }
};

/// What a plan keeps. One thread.
struct State {
  State(Shape chosen, std::int64_t blocks, std::int64_t most_rows,
        model::KvType type = model::KvType::kF32)
      : shape(std::move(chosen)), steps(shape, blocks, most_rows, shape.count(), type) {}
  Shape shape;
  recorded::Steps steps;
};

/// Serves all requests with a cache: the prompts in one step, then a token of each request a step.
/// `blocks(request, tokens)` is asked before every step and gives the blocks of that many tokens,
/// which stay valid until the step is done.
template <class Blocks>
void serve(State& state, const bench::Io& io, const Blocks& blocks) {
  const Shape& shape = state.shape;
  state.steps.begin(io);
  for (std::int64_t step = 0; step < shape.steps; ++step) {
    const std::int64_t first = step == 0 ? 0 : shape.prompt + step - 1;
    const std::int64_t count = step == 0 ? shape.prompt : 1;
    for (std::int64_t r = 0; r < shape.count(); ++r) {
      state.steps.add(r, first, count, blocks(r, first + count));
    }
    state.steps.forward();
  }
}

bench::Technique recompute();
bench::Technique contiguous_copied();
bench::Technique paged();

}  // namespace aisp::labs::ch15::kv_cache_management
