// The JSON of answers, whole or in pieces, as OpenAI's clients read it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "front/api_request.h"
#include "serve/sampler.h"
#include "text/tokenizer.h"

namespace aisp::front {

struct Usage {
  std::int64_t prompt = 0, cached = 0, completion = 0;
};

/// Log-probabilities of one token: its own first, then the likely ones asked for.
using TokenLogProbs = std::vector<serve::LogProb>;

/// One choice, whole or a piece of it.
struct Answer {
  int index = 0;
  std::string_view text;
  std::vector<TokenLogProbs> logprobs;
  std::string_view finish;       // "": it goes on
  std::int64_t text_offset = 0;  // of `text` in the choice, in bytes (completions' logprobs)
};

class Reply {
 public:
  Reply(const ApiRequest& asked, const text::Tokenizer& tokenizer, std::string id);

  // Events of a stream, ready to send: "data: {...}\n\n".
  std::string role(int index) const;  // the first of a chat's choice
  std::string piece(const Answer& answer) const;
  std::string usage(const Usage& usage) const;
  static std::string done() { return "data: [DONE]\n\n"; }
  static std::string error(const ApiError& error) { return event(error_json(error)); }

  /// The body of an answer that is no stream.
  std::string whole(const std::vector<Answer>& answers, const Usage& usage) const;

 private:
  static std::string event(const std::string& json) { return "data: " + json + "\n\n"; }
  Json frame(bool chunk) const;
  Json logprobs(const Answer& answer) const;
  Json chat_logprobs(const Answer& answer) const;
  Json completion_logprobs(const Answer& answer) const;
  std::string piece_of(serve::Token token) const;
  std::string chunk(int index, Json content, const Answer& answer) const;

  const text::Tokenizer& tokenizer_;
  bool chat_, include_usage_, logprobs_;
  std::string id_, model_;
  std::int64_t created_s_;
};

}  // namespace aisp::front
