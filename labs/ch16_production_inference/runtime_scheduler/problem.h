// Streams that are being answered, and a newcomer with a long prompt: whose rows go into the next
// step? The problem is that of recorded/requests.h: requests 0 .. N - 1 are the streams (a token of
// prompt, A of answer), request N is the newcomer (P tokens, A), who is there once each stream has
// its first token. A call ends when those are answered who are waited for, so its time is theirs.
// Params: N, P, A; W: who is waited for; M, L, V as there.
#pragma once

#include <vector>

#include "bench/lab.h"
#include "recorded/server.h"

namespace aisp::labs::ch16::runtime_scheduler {

/// Values of W.
enum Awaited : std::int64_t {
  kNextToken,   // the streams' second token: the gap that the newcomer makes
  kFirstToken,  // the newcomer's first
  kEverybody,   // all answers
};

recorded::Shape shape_of(const bench::Params& params);

/// What a plan keeps. One thread.
struct State {
  explicit State(const bench::Params& params);
  recorded::Shape shape;
  std::int64_t newcomer;  // its index; the streams are before it
  recorded::Steps steps;
};

/// A server with a fixed rule, at one call.
class Fixed {
 public:
  explicit Fixed(State& state);
  /// The next token of every stream that has not ended; false when there is none.
  bool add_streams();
  /// The newcomer's whole prompt, then its answer's tokens one by one; false when it has ended.
  bool add_newcomer() { return add(state_.newcomer); }
  bool prompt_waits() const { return computed_.back() == 0; }

 private:
  bool add(std::int64_t request);

  State& state_;
  std::vector<std::int64_t> computed_;  // tokens of each request
};

/// Steps whose rows `add_rows` adds, until those are answered who are waited for. The first step,
/// of the streams alone, is made before.
using AddRows = void (*)(Fixed& server);
bench::Technique by_rule(const char* name, const char* summary, AddRows add_rows);

/// The engine's scheduler in the place of a rule.
using Configure = serve::Config (*)(const recorded::Shape& shape);
bench::Technique by_engine(const char* name, const char* summary, Configure configure);
serve::Config longer_steps(const recorded::Shape& shape);

bench::Technique prompt_first();
bench::Technique streams_first();
bench::Technique whole_beside();
bench::Technique engine_pieces();
bench::Technique engine_longer_steps();

}  // namespace aisp::labs::ch16::runtime_scheduler
