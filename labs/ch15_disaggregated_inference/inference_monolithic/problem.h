// One request on the real transformer, prompt and answer in one loop: a prompt of P tokens, S
// generated, the logits of each step kept (for log-probabilities, or to judge another model). The
// problem is that of recorded/requests.h. Params: P, S, and M, L, V as there. Techniques differ in
// what they ask the model for, and where the steps' logits gather.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bench/lab.h"
#include "machine/thread_pool.h"
#include "model/batch_rows.h"
#include "recorded/requests.h"

namespace aisp::labs::ch15::inference_monolithic {

using recorded::kLogits;

struct Shape : recorded::Shape {
  explicit Shape(const bench::Params& params);
  std::int64_t prompt, steps;
  std::size_t vocab() const { return static_cast<std::size_t>(model.config().vocab); }
  /// The last token is not computed.
  std::int64_t computed() const { return prompt + steps - 1; }
};

/// What a plan keeps: the transformer, memory for keys and values in f32, rows of a step. One
/// thread.
struct State {
  explicit State(const bench::Params& params);
  Shape shape;
  machine::ThreadPool pool{1};
  model::KvCache cache;
  model::LentTransformer model;
  model::BatchRows rows;
  std::vector<std::int32_t> blocks;
};

/// The model of one call, on the plan's cache.
class Call {
 public:
  Call(State& state, const bench::Io& io);
  /// Computes the tokens [first, first + count) and writes the logits of the last `wanted`.
  void forward(std::int64_t first, std::int64_t count, std::int64_t wanted,
               std::span<float> logits);

 private:
  State& state_;
  std::span<const std::int32_t> tokens_;
  model::Transformer& transformer_;
};

bench::Technique list_then_stack();
bench::Technique grown_each_step();
bench::Technique all_logits();
bench::Technique reused_buffer();

}  // namespace aisp::labs::ch15::inference_monolithic
