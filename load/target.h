// The border between what is asked and who answers. A Target is a server over sockets, the engine
// in this process, or a simulated server on virtual time; it owns the clock, so that nothing else
// of this room ever asks the time, and tests of schedules and figures wait for nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::load {

/// A part of a prompt: made-up tokens (numbers from 0; a target maps them to ids or to words), or
/// what the server said in an earlier turn.
struct Piece {
  std::vector<std::int32_t> tokens;
  std::string said;                    // its text
  std::vector<std::int32_t> said_ids;  // its tokens, where the target knows them
};

struct Request {
  double due_s = 0.0;  // from the begin of the run
  std::uint64_t number = 0;
  int turn = 0;  // of its conversation, from 0
  std::vector<Piece> prompt;
  int prompt_tokens = 0;  // of `prompt`, earlier answers included as asked
  int answer_tokens = 1;
};

enum class Outcome : std::uint8_t {
  kAnswered,
  kTooManyRequests,  // 429
  kUnavailable,      // 503
  kOtherStatus,      // any other than 200
  kNotAStream,       // 200, but no server-sent events
  kServerError,      // an error told inside of the stream, or an engine that failed
  kNotConnected,     // refused, unreachable
  kClosedEarly,      // the connection ended before the answer
  kBroken,           // what came is no HTTP, no events, or far too much
  kTimedOut,
  kNoSocket,  // this process may not open more
  kCut,       // by us: unmeasured and no longer needed, or an interrupted run
};
inline constexpr int kOutcomes = 12;
const char* name_of(Outcome outcome);

/// How an answer ended. Numbers below 0: the server did not say.
struct End {
  Outcome outcome = Outcome::kAnswered;
  int status = 0;
  int prompt_tokens = -1, answer_tokens = -1, cached_tokens = -1;
  double retry_after_s = -1.0;
};

/// Told by wait(), on the thread that called it. Times are of Target::now_s(), taken when the bytes
/// came.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Text of an answer; `ids` where the target knows them. Views hold during the call only.
  virtual void on_text(std::uint32_t stream, double at_s, std::string_view text,
                       std::span<const std::int32_t> ids) = 0;
  /// Once for each stream that was sent and not cancelled; the number is free again after it.
  virtual void on_end(std::uint32_t stream, double at_s, const End& end) = 0;
};

class Target {
 public:
  virtual ~Target() = default;
  virtual double now_s() = 0;
  /// Begins a request under a number that is in use by no other; returns at once and tells nothing
  /// before the next wait().
  virtual void send(std::uint32_t stream, const Request& request) = 0;
  /// Ends it now; nothing is told of it any more.
  virtual void cancel(std::uint32_t stream) = 0;
  /// Waits for `until_s` or for something to tell, whatever comes first, and tells it.
  virtual void wait(double until_s, Sink& sink) = 0;
};

}  // namespace aisp::load
