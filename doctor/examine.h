// The examination: every row of the checklist gets its verdict. Probes run in a child process, one
// after the other; one that hangs (a dead mount, a stuck driver) or crashes costs its own row: the
// child is abandoned and another goes on.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "doctor/checklist.h"
#include "doctor/evidence.h"
#include "doctor/finding.h"

namespace aisp::doctor {

struct ExamineOptions {
  Subject subject;
  std::string tree;                   // a recorded tree instead of this machine
  std::string record_to;              // keep what was read, as a tree
  std::vector<std::string> sections;  // names or globs, case ignored; empty: all
  std::vector<std::string> items;     // ids or globs; empty: all
  bool inside = false;                // what a container was granted, and its items alone
  bool measure = false;               // make the measurements too
  double window_s = 1.0;              // over which counters must not grow
  double probe_limit_s = 1.0;         // then a probe is cut off
  double facts_limit_s = 10.0;        // for the devices to answer
  std::function<void(std::size_t done, std::size_t all, const std::string& now)> progress;
  std::function<void(const std::string& id)> in_child;  // before each item; tests hang and crash it
};

struct Row {
  Item item;
  Finding finding;
  double seconds = 0.0;
};

struct Examination {
  std::string host, when, program;  // `when`: ISO 8601, UTC
  std::string tree;                 // empty: this machine, now
  machine::Facts facts;
  std::vector<Reading> granted;  // with ExamineOptions::inside
  std::vector<Row> rows;         // in the order of the checklist
  double seconds = 0.0;
};

/// Quick: a second for the window and milliseconds a probe. Throws Error when the tree or the
/// folder to record to cannot be used, UsageError when sections or items match nothing.
Examination examine(const ExamineOptions& options);

/// "aisp.doctor" documents. from_json throws Error on another schema or wrong types.
Json to_json(const Examination& examination);
Examination examination_from_json(const Json& json);
Json to_json(const Finding& finding);
Finding finding_from_json(const Json& json);

/// How many rows have each verdict, and how many were decided by evidence (ok, warn, fail).
struct Counts {
  std::map<Verdict, int> by_verdict;
  int decided = 0;
  int decided_elsewhere = 0;  // not here, but the recorded trees of the tests decide them
  int all = 0;
};
Counts count(const Examination& examination);

}  // namespace aisp::doctor
