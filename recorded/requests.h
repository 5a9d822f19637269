// Requests with recorded answers on the real transformer: the problem that labs about serving
// share. What was answered is given, so that every way of serving computes the same rows, and the
// logits of each answered token are compared with the reference in double on that request alone.
// Inputs: model (u8): its weights as a file holds them, then packed as the kernels multiply them;
// tokens i32. Output: logits [rows, V] f32, of the rows that wanted tokens came from.
// Reading order: this, steps.h (a step by hand), server.h (the engine's scheduler).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bench/lab.h"
#include "model/lent_model.h"

namespace aisp::recorded {

enum Input : std::size_t { kModel, kTokens };
enum Output : std::size_t { kLogits };

/// Lengths of a request, and where its tokens and its rows of logits begin.
struct Request {
  std::int64_t prompt = 0, answer = 0;
  std::int64_t wanted = 0;    // of the answer, tokens whose logits are output
  std::int64_t computed = 0;  // tokens at its beginning that are an earlier request's: a turn
  std::int64_t first_token = 0, first_logits = 0;
  std::int64_t tokens() const { return prompt + answer; }
};

struct Shape {
  /// Params M: 0 the tiny Llama of the tests, 1 stories-15m; L layers and V pieces of its
  /// vocabulary; weights in bf16.
  explicit Shape(const bench::Params& params) : Shape(config_of(params)) {}
  explicit Shape(const model::ModelConfig& config) : model(config, "bf16") {}
  static model::ModelConfig config_of(const bench::Params& params);

  /// A request with tokens of its own, behind those of all others.
  void add(std::int64_t prompt, std::int64_t answer, std::int64_t wanted);
  /// The next turn of the request added last: all of its tokens, so many more, an answer.
  void add_turn(std::int64_t more, std::int64_t answer);

  std::int64_t vocab() const { return model.config().vocab; }
  std::int64_t count() const { return static_cast<std::int64_t>(requests.size()); }
  const Request& request(std::int64_t index) const {
    return requests[static_cast<std::size_t>(index)];
  }
  /// Blocks that hold so many tokens.
  static std::int64_t blocks_for(std::int64_t tokens) {
    return (tokens + model::kBlockTokens - 1) / model::kBlockTokens;
  }

  model::LentModel model;
  std::vector<Request> requests;
  std::int64_t tokens = 0;                       // of the input
  std::int64_t rows = 0;                         // of the output
  std::int64_t longest = 0, longest_prompt = 0;  // tokens of a request, of a prompt
};

/// `lab` with this problem: inputs, work, reference and tolerance are set here. Work counts what is
/// wanted alone: each token of those requests once, the packed weights once.
bench::Lab lab_of(Shape (*shape_of)(const bench::Params& params), bench::Lab lab);

}  // namespace aisp::recorded
