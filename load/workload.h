// The requests of a run, in the order in which they are due. Everything follows from the options
// and the seed: the same seed gives the same requests to two servers. Prompts are made-up tokens;
// what must begin alike (a shared prefix, equal blocks of a recorded prompt, the turns of a
// conversation) begins alike.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/request_trace.h"
#include "load/arrivals.h"
#include "load/target.h"

namespace aisp::load {

struct WorkloadOptions {
  Gaps gaps;
  Lengths prompt{Lengths::Kind::kConstant, 128.0}, answer{Lengths::Kind::kConstant, 64.0};
  int shared_prefix = 0;      // tokens
  double shared_share = 0.0;  // of the requests that begin with it
  int turns = 1;
  double think_s = 0.0;           // mean time between an answer and the next turn
  std::uint64_t seed = 1;         // of arrivals, lengths and contents
  std::uint64_t shared_seed = 1;  // of what is shared: stays when `seed` changes between blocks
  int words = 1000;               // made-up tokens are numbers in [0, words)
  /// Recorded arrivals in place of gaps, lengths and the shared prefix.
  std::shared_ptr<const RequestTrace> trace;
  double scale_lengths = 1.0;  // of the trace's prompts, answers and prefix blocks
  double trace_from_s = 0.0;   // begins so far into it, in seconds of the scaled arrivals
};

/// Recorded arrivals a second.
double mean_rate(const RequestTrace& trace);

/// Where block `block` of a run begins in a trace replayed at `rate`, in seconds of its scaled
/// arrivals: one behind the other, from the front again where the trace is at its end.
double trace_part_s(const RequestTrace& trace, double rate, double block_s, int block);

class Workload {
 public:
  /// Gaps::rate is also the mean rate to which a trace is scaled.
  explicit Workload(const WorkloadOptions& options);

  /// The next arrival; nothing after the end of a trace.
  std::optional<Request> next();

  /// The turn that follows `request`, once its answer is known; nothing after the last. `due_s` is
  /// left for the caller, who adds think_s() to the end of the answer.
  std::optional<Request> follow_up(const Request& request, std::string answer,
                                   std::vector<std::int32_t> answer_ids) const;
  /// The time to think before the turn that follows `request`: exponential.
  double think_s(const Request& request) const;

 private:
  Request drawn(double due_s);
  Request recorded();

  WorkloadOptions options_;
  Rng arrivals_;
  double due_s_ = 0.0;
  double time_scale_ = 1.0;
  std::uint64_t number_ = 0;
};

}  // namespace aisp::load
