// The gate: one to three runs against the expectations of this machine. A row is red when its ratio
// grew by more than the recorded spread allows, with the chance of any false red in the whole gate
// held at `alpha`; when its output was wrong; or when it is missing. Pure: files come and go in
// gate_run.h, words in report/gate_text.h.
#pragma once

#include <string>
#include <vector>

#include "bench/expectations.h"
#include "bench/spread.h"

namespace aisp::bench {

enum class GateStatus {
  kOk,         // within what was recorded
  kRegressed,  // slower: red
  kWrong,      // wrong, impossible or failed: red
  kMissing,    // expected, not in the runs: red
  kSuspect,    // slower in this run, not yet beyond doubt: another run decides
  kBetter,     // quicker than recorded: record it
  kUndecided,  // too noisy to say
  kUnrecorded  // a result nobody expected yet
};
const char* name(GateStatus status);

/// "Known to fail until": a red row that the list names does not fail the gate before its day.
struct Xfail {
  std::string lab, case_name, technique;  // globs
  std::string reason, until;              // until: YYYY-MM-DD, the last day it holds
};

struct GateRules {
  double alpha = 0.05;   // of any false red in one gate, all rows together (Holm)
  double margin = 0.01;  // a smaller change is of no interest
  double screen = 0.01;  // one-sided level at which a row is suspected and run again
  std::size_t least_recorded = kLeastRuns;  // with fewer a row can be suspected, never red
  SpreadPrior prior;
  std::string today;  // YYYY-MM-DD, for xfail
};

struct GateRow {
  std::string lab, case_name, size, technique, folder;
  GateStatus status = GateStatus::kOk;
  std::string text;            // what is wrong with it, in words
  double expected = 0.0;       // ratio recorded (centre)
  std::vector<Interval> seen;  // ratio of each run
  double p = 1.0;              // one-sided, before correction
  Spread spread;               // of the recorded runs
  double visible_step = 0.0;   // two runs would show it nine times in ten, among all these rows
  std::size_t recorded_runs = 0;
  bool source_changed = false;    // the lab's sources differ from the last recorded run's
  bool expected_to_fail = false;  // an xfail that holds today covers it
  std::string xfail_reason;       // also of one that expired or passed
  bool red() const;
};

struct GateReport {
  std::string hardware_key;
  std::vector<GateRow> rows;  // in the order of the labs; red and green alike
  std::size_t red = 0, wrong = 0, missing = 0, suspect = 0, undecided = 0;
  bool recorded_anything = false;  // false: no expectations for this machine
};

/// What one lab owes.
struct GateLab {
  std::string name, folder;
  Expectations expectations;
};

/// Judges `runs` (the same selection, measured after one another) against the expectations of
/// `labs`; what those hold and the runs' sizes cover, but no run has, is missing.
GateReport judge_gate(const std::vector<GateLab>& labs, const std::vector<RunRecord>& runs,
                      const std::vector<Xfail>& xfails, const GateRules& rules);

/// Rejection of Holm at `alpha`: true for the p-values that are significant together.
/// Source: Holm, Scand. J. Statist. 6 (1979).
std::vector<bool> holm(const std::vector<double>& p, double alpha);

/// labs/xfail.json: [{"lab", "case", "technique", "reason", "until"}]. None: empty. Throws Error
/// for a damaged one, an unknown key, an empty reason or a date that is none.
std::vector<Xfail> read_xfails(const std::string& path);

}  // namespace aisp::bench
