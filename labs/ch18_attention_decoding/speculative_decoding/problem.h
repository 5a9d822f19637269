// One request alone through the engine: its scheduler, its executor, its transformer, one thread;
// greedy. What the answer must be was recorded: prepare() decodes it one token after the other on
// the transformer, without scheduler, drafts or executor. Params: P tokens of prompt, S of answer;
// M: 0 the tiny Llama of the tests, 1 qwen2.5-0.5b, 2 stories-15m; L layers and V pieces of the
// vocabulary; D: layers of the draft model, which are the first of the model's own. The layers
// above write an eighth of what those do, so that the draft model mostly says what the model does.
// Inputs: model and draft (u8): weights as a file holds them, then packed as the kernels multiply
// them; prompt [P] i32; answer [S] i32, which only oracles look at; luck [1] i32: their seed.
// Output: tokens [S] i32. Techniques differ in who guesses.
#pragma once

#include <cstdint>
#include <span>

#include "bench/lab.h"
#include "machine/thread_pool.h"
#include "model/lent_model.h"
#include "serve/drafter.h"
#include "serve/scheduler.h"

namespace aisp::labs::ch18::speculative_decoding {

enum Input : std::size_t { kModel, kDraft, kPrompt, kAnswer, kLuck };
enum Output : std::size_t { kTokens };

/// Guesses of a step, at most.
constexpr int kMostDrafts = 8;
/// Of two logits this close, with deviation 3, either may be the answer: f32 may show less at the
/// smoke sizes (see the test).
constexpr double kTie = 0.01;

struct Shape {
  explicit Shape(const bench::Params& params);
  std::int64_t prompt, steps;
  model::LentModel model, draft;
  std::int64_t computed() const { return prompt + steps - 1; }  // the last token is not
  std::int32_t blocks() const;                                  // that hold a request with guesses
};

/// What a plan keeps from call to call.
struct State {
  explicit State(const bench::Params& params, int most_drafts = kMostDrafts);
  Shape shape;
  machine::ThreadPool pool{1};
  serve::State engine;  // goes on from call to call, with what it has learnt of guesses and times
};

/// Decodes the answer into the output. `drafter` may be null: no guesses.
void decode(State& state, const bench::Io& io, serve::Drafter* drafter);

/// Decoding with an oracle of this acceptance.
bench::Technique with_oracle(const char* name, const char* summary, double acceptance);

bench::Technique plain();
bench::Technique prompt_lookup();
bench::Technique draft_model();
bench::Technique oracle_30();
bench::Technique oracle_60();
bench::Technique oracle_90();

}  // namespace aisp::labs::ch18::speculative_decoding
