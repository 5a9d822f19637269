// Sends each request when it is due and notes when its answer came. Open loop: due times do not
// depend on answers, and every latency starts there, so that a server that stands still is charged
// for all who waited (no coordinated omission). Closed loop: a fixed number of users. No thread, no
// clock and no socket of its own: the target has them.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "load/target.h"
#include "load/workload.h"

namespace aisp::load {

struct DrivePlan {
  double warmup_s = 0.0;     // requests due before are sent, not measured
  double duration_s = 0.0;   // of the measured window; 0: until `requests` or the end of the trace
  int requests = 0;          // measured ones at most; 0: no limit
  int users = 0;             // closed loop; 0: open
  double tail_s = 10.0;      // open loop goes on so long, unmeasured, while measured ones wait
  double timeout_s = 120.0;  // from due to the end of the answer
  std::function<bool()> stop;                                      // asked often; true ends the run
  std::function<void(double now_s, int sent, int open)> progress;  // may be null
};

/// What became of one request. Times in seconds from the begin of the run; below 0: never.
struct Sample {
  double due_s = 0.0, sent_s = 0.0, first_s = -1.0, last_s = -1.0, end_s = -1.0;
  std::vector<float> gaps_s;  // between arrivals of text
  int prompt_tokens = 0;      // as the server counts them, else as asked
  int asked_tokens = 0;       // of the answer
  int answer_tokens = 0;      // as the server counts them, else arrivals of text
  int cached_tokens = -1;
  int turn = 0;
  Outcome outcome = Outcome::kCut;
  int status = 0;
  double retry_after_s = -1.0;
  bool measured = false, usage = false;

  bool answered() const { return outcome == Outcome::kAnswered; }
  double ttft_s() const { return first_s - due_s; }
  double e2e_s() const { return end_s - due_s; }
  /// Below 0 for answers of one token.
  double tpot_s() const;
  double late_s() const { return sent_s - due_s; }
};

struct DriveResult {
  std::vector<Sample> samples;            // in the order of sending, unmeasured ones included
  double warmup_s = 0.0, window_s = 0.0;  // the measured window: begin and length
  double elapsed_s = 0.0;                 // until the last answer
  int most_open = 0;                      // streams at a time
  bool interrupted = false;
};

/// Cost: the samples and their gaps; what is open is bounded by rate times timeout.
DriveResult drive(Target& target, Workload& workload, const DrivePlan& plan);

}  // namespace aisp::load
