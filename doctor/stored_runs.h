// Runs of ours as evidence: artifacts/<run>/run.json and results.jsonl (bench/record.h), read
// through Evidence, so that recorded trees can hold them too.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/record.h"
#include "doctor/evidence.h"
#include "doctor/finding.h"

namespace aisp::doctor {

struct StoredRun {
  std::string folder;  // empty: there is none
  std::string why;     // not empty: why it cannot be read
  bool damaged = false;
  Json header;
  std::vector<bench::CaseResult> results;
};

/// Our working folder, where artifacts/, build/ and labs/ are looked for; empty: not visible.
std::string working_folder(const Evidence& evidence);
/// Folders below artifacts/ that hold a run.json, the newest `most` by name.
std::vector<std::string> run_folders(const Evidence& evidence, std::size_t most = 64);
/// One run, with its raw samples. 10 ms a megabyte; the last one read is kept.
StoredRun read_stored_run(const Evidence& evidence, const std::string& folder);
/// --run, or the one that was started last.
StoredRun subject_run(const Evidence& evidence);

/// The finding when there is no run to look at: not applicable (none) or cannot see (damaged).
std::optional<Finding> no_run(const StoredRun& run);

/// Whether the technique has a time.
bool is_timed(const bench::TechniqueResult& technique);
/// "ch07:transpose/gpt2/full tiled"
std::string label(const bench::CaseResult& result, const bench::TechniqueResult& technique);

/// Every timed technique of a run that `complain` has something to say about, in its words.
using Complaint =
    std::function<std::string(const bench::CaseResult&, const bench::TechniqueResult&)>;
struct Survey {
  std::size_t looked_at = 0;
  std::vector<Reading> bad;  // {label, complaint}
};
Survey survey(const StoredRun& run, const Complaint& complain);
/// ok("all N ..."), or `otherwise` with the first of the bad ones; not applicable when none has a
/// time.
Finding decide(const StoredRun& run, Survey survey, Verdict otherwise, const std::string& good,
               const std::string& bad);

}  // namespace aisp::doctor
