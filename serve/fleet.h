// A fleet of engines on virtual time: the real scheduler, cache and admission of each with
// SimExecutor, one clock, arrivals of a trace, and a router (router.h) that sees what the engines
// tell it. What a hundred machines would do, on a laptop, before anybody rents them; the same seed
// gives the same run.
//
// A request is routed once, and answered or refused once. A handed-over one is computed and gets
// its first token in one engine; then its full blocks travel, and another engine goes on with them
// as with any cached prefix. An engine that drains gives back what it has not begun, and finishes
// the rest.
// Source: NVIDIA Dynamo's mocker (a simulated engine with the real cache under a router).
#pragma once

#include <cstdint>
#include <vector>

#include "base/request_trace.h"
#include "serve/router.h"

namespace aisp::serve {

struct FleetOptions {
  int engines = 4;
  Config config;  // of each; without a second tier
  RouterOptions router;
  int shrink = 1;      // as in ReplayOptions
  double speed = 1.0;  // arrivals come this much closer together
  int requests = 0;    // only the first so many; 0: all
  /// Requests come with the deadline router.ttft_s, and an engine refuses what it cannot begin to
  /// answer by then. Otherwise everything that fits is taken.
  bool admission = true;
  double telemetry_every_s = 0.0;  // 0: engines tell at the end of each step
  /// A step takes exp(jitter * normal) times what the time model says, so that predictions err.
  double jitter = 0.0;
  std::uint64_t seed = 1;  // of the jitter
  int drain_engine = -1;   // this one drains from drain_at_s on; -1: none
  double drain_at_s = 0.0;
  /// Judge each so-many-th refusal for lateness in a copy of its engine that takes the request in
  /// after all, and runs on without newcomers until its first token; 0: none.
  int hindsight = 0;
};

enum class Outcome : std::uint8_t {
  kAnswered,
  kRefused,  // by admission, or no engine was open or had room
  kLate,     // taken in, but not begun in time
  kTooLong   // for an engine's memory
};

/// What became of one request. Times in seconds since the first arrival.
struct FleetRequest {
  double arrival_s = 0.0, first_token_s = 0.0, end_s = 0.0;
  int prompt_tokens = 0, output_tokens = 0, cached_tokens = 0;
  int engine = -1, decoder = -1;  // where its prompt was computed, and where its last tokens were
  int outcomes = 0;               // must be 1 in the end
  Outcome outcome = Outcome::kRefused;
  std::uint64_t answer = 0;  // digest of its tokens, see digest()
};

struct FleetResult {
  std::vector<FleetRequest> requests;            // by arrival
  std::vector<double> busy_s;                    // of each engine
  std::int64_t handed_over = 0, given_back = 0;  // given back by the engine that drained
  std::int64_t judged = 0, wrongly_refused = 0;  // by hindsight
  double virtual_s = 0.0, real_s = 0.0;
};

/// Deterministic but for real_s. Throws Error when options contradict each other.
FleetResult run_fleet(const RequestTrace& trace, const FleetOptions& options);

/// Goes on from the digest of the tokens before (0 for none).
std::uint64_t digest(std::uint64_t before, Token token);

}  // namespace aisp::serve
