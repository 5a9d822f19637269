// One request for vectors in the engine. Each input is a request of the engine that asks for hidden
// states (serve::Request::hidden): it is computed in the same steps as everybody's tokens, within
// the same budget, and waits in its tenant's queue. So a long list of inputs delays a running
// stream no more than a long prompt does.
//
// A vector is the mean of the states behind the last norm, over all tokens of the input with those
// that the tokenizer adds, scaled to length 1.
#pragma once

#include <deque>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "front/api_error.h"
#include "front/call.h"
#include "front/models.h"
#include "serve/engine.h"

namespace aisp::front {

/// `sum` scaled to length 1: as "[0.5,-0.25]" in the shortest digits that read back the same f32,
/// or, with `base64`, the bytes of the f32 in quotes. A sum of zeros stays zeros. Throws ApiError
/// (500) when it is not finite.
std::string vector_text(std::span<const double> sum, bool base64);

class Embedding : public std::enable_shared_from_this<Embedding> {
 public:
  struct Asked {
    std::vector<std::vector<serve::Token>> inputs;  // each with a token or more
    bool base64 = false;
    std::string model;  // as the answer names it
    /// On the engine's clock: the latest for each vector.
    double first_token_by_s = std::numeric_limits<double>::infinity();
  };
  Embedding(std::shared_ptr<Call> call, std::shared_ptr<Served> served, Asked asked,
            Metrics& metrics);

  /// Hands the first inputs in; the others follow as these end. Answers by itself, also when there
  /// is no room. On a worker's thread.
  void submit();

 private:
  struct Input {
    std::shared_ptr<serve::HiddenSum> hidden;
    std::string vector;  // its text
    serve::Ticket ticket;
    bool ended = false;
  };

  void submit_more();
  void submit_one(std::size_t index);
  bool take(std::size_t index, const serve::Event& event);
  void note(std::size_t index, const serve::Event& event);
  void give_back(std::size_t index, const ApiError& error);
  void answer();
  void fail(const ApiError& error);
  void cancel_all(bool silently);

  const std::shared_ptr<Call> call_;
  const std::shared_ptr<Served> served_;
  Asked asked_;
  Metrics& metrics_;

  // Under the call's mutex.
  std::vector<Input> inputs_;
  std::deque<std::size_t> waiting_;  // not in the engine yet
  int flying_ = 0;                   // in the engine, or about to be
  std::size_t done_ = 0;
  std::int64_t prompt_tokens_ = 0;
  bool over_ = false;
};

}  // namespace aisp::front
