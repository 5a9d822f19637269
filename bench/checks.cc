// The list of protections. See checks.h.
#include "bench/checks.h"

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"

namespace aisp::bench {

const std::vector<CheckInfo>& all_checks() {
  static const std::vector<CheckInfo> checks = {
      {"output", "wrong elements, fewer elements, skipped rows: every element is compared"},
      {"nonfinite", "NaN or Inf hiding in a comparison"},
      {"precision", "lower precision than declared, hiding under a worst-case bound"},
      {"poison", "output memory left over from an earlier call or another technique"},
      {"timed-output",
       "right while verified, wrong while timed: outputs of timed epochs are checked"},
      {"ragged", "code that is right only for the advertised shape"},
      {"fresh-seed", "results computed ahead from a known seed"},
      {"fresh-contents", "a cached output replayed for the same pointers"},
      {"near-copy", "a cached output replayed for a sampled fingerprint of the contents"},
      {"repeat", "work skipped when the same contents come again"},
      {"late-write", "work on another thread that goes on after the clock stopped"},
      {"other-stream", "work on another stream of a GPU that goes on when the timed one is done"},
      {"hold",
       "work beside the timed stream of a GPU, done while that is held back for its launches"},
      {"inputs", "inputs modified"},
      {"alias", "output memory that is the input's memory"},
      {"canary", "writes outside of the outputs"},
      {"input-data", "zeros or constants as data"},
      {"declared-work", "a technique that declares other work than the problem's"},
      {"ceiling", "faster than the machine's measured ceiling allows"},
      {"clock", "a replaced or slowed clock"},
      {"threads", "threads left running"},
      {"affinity", "CPU affinity changed for those who come next"},
      {"priority", "scheduling priority changed"},
      {"fp-mode", "floating-point mode changed (flush to zero, rounding)"},
      {"device-state",
       "settings of the GPU left changed: lines kept in the L2, limits, pools, TF32 for libraries"},
      {"vector-state", "upper vector halves left dirty, which slows the SSE code that comes next"},
      {"signals", "signal handlers left behind, such as one that computes results lazily"},
      {"leak", "memory leaked at every call"},
      {"descriptors", "file descriptors leaked"},
      {"time-limit", "a call that never ends"},
      {"memory-limit", "endless allocation"},
      {"isolation", "a crash or exit that takes the run down"},
      {"signal-others", "a signal sent to the parent or to other processes"},
      {"private-channel", "results forged on an inherited file descriptor"},
  };
  return checks;
}

Checks::Checks(const std::vector<std::string>& off) {
  std::vector<std::string> known;
  for (const CheckInfo& check : all_checks()) known.emplace_back(check.name);
  for (const std::string& name : off) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string close = nearest(name, known);
      throw UsageError(
          "no such check", "--without-check " + name,
          close.empty() ? "aisp bench checks lists them" : "did you mean " + close + "?");
    }
    off_.insert(name);
  }
}

}  // namespace aisp::bench
