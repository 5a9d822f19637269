// Recorded arrivals replayed on virtual time: the real scheduler and cache with SimExecutor, an
// hour of trace in about a second. Shows what a configuration would do before a machine is bought,
// and tests the scheduler on the loads that really happened.
#pragma once

#include <cstdint>
#include <vector>

#include "base/request_trace.h"
#include "serve/scheduler.h"

namespace aisp::serve {

struct ReplayOptions {
  Config config;
  /// Prompts, answers and the prefix's blocks are this much shorter; arrivals stay. A trace of a
  /// GPU then fits a small machine with its shape kept.
  int shrink = 1;
  double speed = 1.0;                 // arrivals come this much closer together
  int requests = 0;                   // only the first so many; 0: all
  double first_token_within_s = 0.0;  // deadline of each request; 0: none
  /// Judge each refusal for lateness by hindsight: in a copy of the world the request is taken in
  /// after all, and the copy runs on without newcomers until its first token.
  bool hindsight = false;
};

/// Times of one request that ended, in seconds of virtual time.
struct ReplayedRequest {
  double arrival_s = 0.0, first_token_s = 0.0, end_s = 0.0;
  int prompt_tokens = 0, output_tokens = 0, cached_tokens = 0;
};

struct ReplayResult {
  std::vector<ReplayedRequest> requests;  // those that were answered, by end
  std::vector<float> gaps_s;              // between two tokens of one request: every one
  std::int64_t refused = 0, late = 0, refused_too_long = 0;
  std::int64_t wrongly_refused = 0;  // by hindsight: its first token would have been in time
  double virtual_s = 0.0;            // from the first arrival to the last token
  double real_s = 0.0;               // that it took
  std::int64_t prompt_tokens = 0, output_tokens = 0;  // of the answered
  std::int64_t cached_tokens = 0;                     // of the prompts, found in the cache
  std::int64_t ideal_tokens = 0;  // with unlimited memory, each request after the one before
  std::vector<float> step_us;     // of the scheduler: step() and complete(), each step
  Counters counters;
};

/// Tokens of traces lie in [0, kTraceVocabulary).
inline constexpr int kTraceVocabulary = 128'000;

/// The prompt of a request, made up: what the trace says begins alike, does; the rest is its own.
/// `shrink` times shorter, at least one token.
std::vector<Token> traced_prompt(const RequestTrace& trace, std::size_t number, int shrink);

/// Deterministic but for real_s and step_us. Prompts are made up so that they begin alike where the
/// trace says so. Throws Error when the options contradict each other.
ReplayResult replay(const RequestTrace& trace, const ReplayOptions& options);

/// The p-quantile (0 to 1) of the values, which it reorders; 0 of none.
double quantile(std::vector<double>& values, double p);

}  // namespace aisp::serve
