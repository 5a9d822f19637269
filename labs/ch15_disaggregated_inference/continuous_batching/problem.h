// A backlog of N requests on the real transformer, of which at most B run at a time. Their prompts
// and answers have lengths of their own; nobody who schedules knows an answer's length before its
// end. What was answered is given (recorded requests), so that every technique computes the same
// rows. Params: N, B; M: 0 the tiny Llama of the tests, 1 stories-15m; L layers and V pieces of the
// vocabulary. Inputs: model (u8): its weights as a file holds them, then packed as the kernels
// multiply them; tokens i32: prompt and answer of request 0, then of request 1 ... Output: logits
// [answers' tokens, V] f32, of the rows that each answered token came from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bench/lab.h"
#include "machine/thread_pool.h"
#include "model/batch_rows.h"
#include "model/lent_model.h"

namespace aisp::labs::ch15::continuous_batching {

enum Input : std::size_t { kModel, kTokens };
enum Output : std::size_t { kLogits };

/// Lengths of a request, and where its tokens and its rows of logits begin.
struct Lengths {
  std::int64_t prompt, answer;
  std::int64_t first_token, first_logits;
  std::int64_t tokens() const { return prompt + answer; }
};

struct Shape {
  explicit Shape(const bench::Params& params);
  model::LentModel model;
  std::vector<Lengths> requests;
  std::int64_t running = 0;                      // at most
  std::int64_t longest = 0, longest_prompt = 0;  // tokens of a request, of a prompt
  std::int64_t tokens = 0, answered = 0;         // of all
  std::int64_t vocab() const { return model.config().vocab; }
  std::int64_t count() const { return static_cast<std::int64_t>(requests.size()); }
  /// Blocks that hold any request, with the longest prompt and the longest answer.
  std::int64_t blocks_each() const;
};

/// What a plan keeps: the transformer, memory for keys and values in f32, two runs of blocks for
/// each of the `running` places (the second one for rows that are only padding), rows of a step.
/// One thread.
struct State {
  explicit State(const bench::Params& params);
  std::span<const std::int32_t> blocks(std::int64_t place) const {
    const auto each = static_cast<std::size_t>(shape.blocks_each());
    return std::span(ids).subspan(static_cast<std::size_t>(place) * each, each);
  }
  Shape shape;
  machine::ThreadPool pool{1};
  model::KvCache cache;
  model::LentTransformer model;
  model::BatchRows rows;
  std::vector<std::int32_t> ids, padding;
  std::vector<float> logits;
  std::vector<std::int64_t> to;  // row of the output for each row of logits; -1: nobody wants it
};

/// The model of one call, on the plan's cache. A step is some add() and padding(), then forward().
class Call {
 public:
  Call(State& state, const bench::Io& io);

  const Shape& shape() const { return state_.shape; }
  /// `count` tokens of a request from `first` on, in these blocks.
  void add(std::int64_t request, std::int64_t first, std::int64_t count,
           std::span<const std::int32_t> blocks);
  /// Rows that only fill a rectangle. `wanted`: with logits, which nobody looks at.
  void padding(std::int64_t count, std::int64_t context, std::span<const std::int32_t> blocks,
               bool wanted);
  void forward();

 private:
  State& state_;
  std::span<const std::int32_t> tokens_;
  std::span<float> logits_;
  model::Transformer& transformer_;
};

/// Requests in batches of `running`, in the order of arrival; each batch, [first, end), is served
/// to its end by this.
using ServeBatch = void (*)(State& state, Call& call, std::int64_t first, std::int64_t end);
bench::Technique in_batches(const char* name, const char* summary, ServeBatch serve_batch);

bench::Technique static_padded();
bench::Technique static_ragged();
bench::Technique join_each_step();
bench::Technique engine_scheduler();

}  // namespace aisp::labs::ch15::continuous_batching
