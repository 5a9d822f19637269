// Tries remedies here: two processes of this program, one as things are and one with the remedy,
// whose epochs are timed in turns (bench/duel_side.h, bench/trial.h), in several pairs of
// processes, judged like every other comparison and kept as an ordinary record. Nothing of the
// system is changed; see apply.h for what must be.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/record.h"
#include "bench/run.h"
#include "doctor/proofs/proof.h"

namespace aisp::doctor {

struct ProveOptions {
  std::string program = "/proc/self/exe";  // that knows the command prove-worker
  int processes = 3;      // pairs of processes; where they find an effect below 10 %, 4 more
  double budget_s = 3.0;  // of timing, for one proof
  double margin = 0.01, level = 0.95;
  std::uint64_t seed = 0;  // of the order of epochs; 0: secret
  std::string scratch;     // folder for files, on the storage in question; "": TMPDIR or /tmp
  Side planted;            // laid over the side as it is: how tests plant a fault
  Words both;              // arguments laid over those of both sides: how tests make the work small
  bool alike = false;      // both sides as they are: how tests see that nothing is found
  /// Called before every epoch of a side (0: as it is), outside the clock: how --apply changes the
  /// system in turns. Both sides are then one process that does proof.under_system.
  std::function<void(int side)> change_system;
};

struct Proved {
  const Proof* proof = nullptr;
  std::string why_not;    // it cannot be tried here; then nothing else is set
  bench::CaseResult row;  // techniques: as_it_is (the baseline), with_remedy
  /// "faster", "slower", "no effect", "inconclusive", "failed" or "not here".
  std::string word;
  std::string says;  // the verdict in a line, with its interval
  double work = 0.0;
  std::string unit_a, unit_b;  // what a call did on either side
};

/// Tries one proof; some seconds. What the system refuses or a worker does wrong becomes "failed".
Proved prove(const Proof& proof, const ProveOptions& options);

/// The words of a judged row: its second technique against its first.
std::string verdict_word(const bench::CaseResult& row);
std::string verdict_line(const bench::CaseResult& row);

/// Writes the rows as a run (`aisp report` reads it). Returns its folder; "" when there is no row.
std::string record_proofs(const std::vector<Proved>& proved, const std::string& out,
                          const std::vector<std::string>& command);

/// Entry of the hidden prove-worker command.
int prove_worker_main();

}  // namespace aisp::doctor
