// The threads around the scheduler. One owns the scheduler's state, one the executor, and a third
// calls back; callers only leave notes. So a slow callback delays no step, and a step of the model
// delays no answer to submit(): the scheduler's thread never computes and never waits for either.
//
//   submit, cancel -> notes -> scheduler -> plan -> executor
//                                 ^  <- result <---'
//                                 '-> streams -> callbacks
//
// Every queue is bounded: notes by the callers (each waits for its answer), plans by one, and what
// is to be called back by one entry for each request, in which tokens gather while a callback is
// slow. When callbacks fall behind by twice the slots, submit() refuses until they catch up.
// Source: TurboMind's engine (three threads, ownership); llama.cpp server (the border of queues).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "serve/executor.h"
#include "serve/scheduler.h"

namespace aisp::serve {

/// Tokens of one request since the last event, in order; the last event says how it ended.
struct Event {
  std::uint64_t id = 0;
  std::span<const Token> tokens;
  /// Sampling::logprob_entries() for each of the tokens, the chosen one's first.
  std::span<const LogProb> logprobs;
  bool ended = false;
  Finish finish = Finish::kStop;
  std::string_view problem;  // in words, with Finish::kGrammar
  double started_s = -1.0;   // on the engine's clock: its first row was planned; -1: not yet
  int cached = 0;            // positions that came from the cache, again after each preemption
};

/// What the engine holds at this moment.
struct Occupancy {
  int waiting = 0, running = 0;  // requests; those that wait for another's blocks are waiting
  int blocks = 0, free_blocks = 0, cached_blocks = 0;  // cached: nobody's, given up when wanted
};

struct Ticket {
  Verdict verdict;  // accepted: verdict.slot >= 0
  std::uint64_t id = 0;
};

class Engine {
 public:
  struct Options {
    Config config;
    Executor* executor = nullptr;  // outlives the engine
  };
  explicit Engine(Options options);  // throws Error: a bad configuration, no threads
  /// Cancels what is left, delivers the last events, and joins.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Called on the engine's callback thread, never two at a time. False: enough, the request ends
  /// as kStop (a stop string was found). May call submit() and cancel(); must not throw.
  using Callback = std::function<bool(const Event&)>;

  /// Hands a request in; `request.id` is chosen by the engine. The answer comes within microseconds
  /// and does not wait for a step. Throws Error when the executor has failed. Any thread.
  Ticket submit(Request request, Callback callback);

  /// Ends it soon (kCancelled); its last event follows. False when it has ended already. Any
  /// thread.
  bool cancel(const Ticket& ticket);

  /// Seconds on the engine's clock: for Request::first_token_by_s.
  double now_s() const;

  /// Waits until nothing is in the system and every event was delivered. Not from a callback.
  void drain();

  Counters counters();  // as they are now
  Occupancy occupancy();

  /// What the executor threw; "" while it works. Requests then end as kFailed.
  std::string failure() const;

 private:
  struct Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace aisp::serve
