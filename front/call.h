// One request of the API on its way: who asks, under which trace, what became of it. Made by the
// Service, carried through the worker and the engine's callbacks, told in one log line at its end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "front/http.h"
#include "front/metrics.h"
#include "front/trace_context.h"

namespace aisp::front {

/// What the log line says.
struct Record {
  int status = 0;  // of the answer; 0: the client had gone before there was one
  std::string error;
  std::string model, route;  // route: why this model, when a policy chose it
  std::int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  std::string finish;  // of the first choice to end otherwise than the others, or of all
  // Moments; none when it did not come to that.
  Clock::time_point submitted, started, first_token, last_token;
};

struct Call {
  std::shared_ptr<Exchange> exchange;
  std::string endpoint;  // as metrics name it
  TraceContext trace;
  int client = -1;  // its key's number, -1: no keys
  std::string client_name;

  std::mutex mutex;  // guards what follows
  Record record;
  /// Ends it early: the client has gone, or must be told that the server ends.
  std::function<void(bool gone)> cancel;
  bool closed = false;  // it has gone, or has its answer

  /// An answer that carries the trace, and its status noted. Any thread.
  void respond(HttpResponse response);
  /// The same for who holds the mutex; the head of an answer in pieces likewise.
  void respond_locked(HttpResponse response);
  void begin_locked(HttpResponse head);

 private:
  void add_trace(HttpResponse& response) const;
};

Stages stages_of(const Record& record, Clock::time_point received, Clock::time_point ended);

/// The line of a request that was refused by its head. Any thread.
std::string refusal_line(std::string_view endpoint, const TraceContext& trace, int status,
                         std::string_view why);

/// One line of JSON, without its end.
std::string log_line(const Call& call, const Stages& stages, Closing how);

}  // namespace aisp::front
