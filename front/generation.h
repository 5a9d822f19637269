// One request of the API in the engine: its choices, from tokens to what is sent. The engine's
// callback thread brings tokens, the I/O thread says that the client has gone; the call's mutex
// orders them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "front/call.h"
#include "front/prepare.h"
#include "front/reply.h"
#include "serve/stop_strings.h"
#include "text/tokenizer.h"

namespace aisp::front {

class Generation : public std::enable_shared_from_this<Generation> {
 public:
  Generation(std::shared_ptr<Call> call, std::shared_ptr<Served> served, ApiRequest asked,
             Metrics& metrics);

  /// Hands all requests in, or none: throws ApiError (400, 429, 503). On a worker's thread.
  void submit(Prepared prepared);

 private:
  struct Choice {
    text::StreamDecoder decoder;
    serve::StopStrings stops;
    std::string text;  // all of it, or of a stream what was not sent yet
    std::vector<TokenLogProbs> logprobs;
    std::int64_t sent_bytes = 0;
    bool begun = false;  // its role was sent
    bool ended = false;
    std::string finish;
    serve::Ticket ticket;
    Clock::time_point last;
  };

  serve::Ticket submit_one(std::size_t index, serve::Request request);
  bool take(std::size_t index, const serve::Event& event);
  void add_tokens(Choice& choice, const serve::Event& event);
  void note_times(Choice& choice, const serve::Event& event);
  void send(std::size_t index);
  void finish_if_all_ended();
  void fail(const ApiError& error);
  void cancel_all(bool silently);
  std::vector<serve::Ticket> open_tickets();
  Usage usage() const;

  const std::shared_ptr<Call> call_;
  const std::shared_ptr<Served> served_;
  const ApiRequest asked_;
  Metrics& metrics_;
  Reply reply_;

  // Under the call's mutex.
  std::vector<Choice> choices_;
  std::vector<std::string> echoes_;
  std::int64_t prompt_tokens_ = 0, cached_tokens_ = 0, completion_tokens_ = 0;
  bool released_ = false;  // all requests are in: what gathered may go out
  bool streaming_ = false;
  bool over_ = false;  // answered, failed or gone: nothing is sent any more
};

}  // namespace aisp::front
