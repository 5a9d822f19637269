// Generation on the real transformer: R requests of P prompt tokens, S tokens generated for each,
// all requests side by side. What was generated is given (a recorded conversation), so that every
// technique computes the same rows; each step may use only what lies before it. Params: R, P, S;
// M: 0 the tiny Llama of the tests, 1 stories-15m; L layers and V pieces of the vocabulary.
// Inputs: model (u8): its weights as a file holds them, then packed as the kernels multiply them;
// tokens [R, P + S] i32. Output: logits [S, R, V] f32, of the tokens P - 1 .. P + S
// - 2.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bench/lab.h"
#include "machine/thread_pool.h"
#include "model/batch_rows.h"
#include "model/lent_model.h"

namespace aisp::labs::ch15::kv_cache_management {

enum Input : std::size_t { kModel, kTokens };
enum Output : std::size_t { kLogits };

struct Shape {
  explicit Shape(const bench::Params& params);
  std::int64_t requests, prompt, steps;
  model::LentModel model;
  std::int64_t vocab() const { return model.config().vocab; }
  std::int64_t tokens() const { return prompt + steps; }  // of a request, the last one not computed
  /// Blocks that hold a request at its end.
  std::int64_t blocks() const { return (tokens() + model::kBlockTokens - 1) / model::kBlockTokens; }
  /// The first `count` tokens of a request, or `count` from `first` on.
  std::span<const std::int32_t> of(const bench::Io& io, std::int64_t request, std::int64_t count,
                                   std::int64_t first = 0) const {
    return io.in<std::int32_t>(kTokens).subspan(
        static_cast<std::size_t>(request * tokens() + first), static_cast<std::size_t>(count));
  }
};

/// What a plan keeps: the transformer, memory for keys and values, rows of a step. One thread.
struct State {
  State(Shape chosen, std::int64_t blocks, std::int64_t most_rows,
        model::KvType type = model::KvType::kF32)
      : shape(std::move(chosen)),
        cache(shape.model.config(), type, static_cast<std::int32_t>(blocks)),
        model(shape.model, cache, pool, most_rows) {}
  Shape shape;
  machine::ThreadPool pool{1};
  model::KvCache cache;
  model::LentTransformer model;
  model::BatchRows rows;
};

/// The model of one call, on the plan's cache.
class Call {
 public:
  Call(State& state, const bench::Io& io);
  /// Computes state.rows and writes the R rows of logits of this step.
  void forward(std::int64_t step);

 private:
  State& state_;
  std::span<float> logits_;
  model::Transformer& transformer_;
};

/// Serves all requests with a cache: the prompts in one step, then a token of each request a step.
/// `blocks(request, tokens)` is asked before every step and gives the blocks of that many tokens,
/// which stay valid until the step is done.
template <class Blocks>
void serve(State& state, const bench::Io& io, const Blocks& blocks) {
  const Shape& shape = state.shape;
  Call call(state, io);
  for (std::int64_t step = 0; step < shape.steps; ++step) {
    const std::int64_t first = step == 0 ? 0 : shape.prompt + step - 1;
    const std::int64_t count = step == 0 ? shape.prompt : 1;
    state.rows.clear();
    for (std::int64_t r = 0; r < shape.requests; ++r) {
      state.rows.add(shape.of(io, r, count, first), first, blocks(r, first + count), 1);
    }
    call.forward(step);
  }
}

bench::Technique recompute();
bench::Technique contiguous_copied();
bench::Technique paged();

}  // namespace aisp::labs::ch15::kv_cache_management
