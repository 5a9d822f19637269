// What a machine is expected to give: labs/.../expectations/<hardware_key>.json, one file a lab and
// machine. Each technique keeps the ratios of its recorded runs, with their provenance; the gate
// judges a new ratio against their spread (gate.h). Written only by `bench run
// --update-expectations`, atomically; a worse value is refused unless somebody says why.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/record.h"

namespace aisp::bench {

inline constexpr const char* kExpectationsSchema = "aisp.expectations/1";

/// Below this many runs nobody knows how much a row scatters: it takes every value in, and says so.
inline constexpr std::size_t kLeastRuns = 3;

/// Runs kept for each technique, the newest: more would remember machines of another year.
inline constexpr std::size_t kRunsKept = 16;

/// One recorded run of one technique in one case.
struct Observation {
  std::string run_id, utc, commit, compiler, source_hash;
  bool dirty = false;  // the tree had changes that no commit holds
  Interval ratio;      // time over the baseline's time
  double ceiling_fraction = 0.0;
  std::optional<Interval> beside_fraction;  // of the ceiling in the same rounds, where one ran
  std::size_t rounds = 0, processes = 0;
  double load1 = 0.0;
};

struct ExpectedTechnique {
  std::vector<Observation> runs;  // oldest first, never empty in a file
  double anchor = 0.0;            // ratio with which the row began: runs may not creep away from it
  std::string accepted;           // why a worse value was taken in, with its date; "" never
};

struct ExpectedCase {
  std::string baseline;
  std::map<std::string, ExpectedTechnique> techniques;  // without the baseline and without peers
};

/// One file.
struct Expectations {
  std::string lab, hardware_key;
  std::map<std::string, ExpectedCase> cases;  // by "case/size"
};

Json to_json(const Expectations& expectations);

/// <root>/<lab folder>/expectations/<hardware_key>.json
std::string expectations_path(const std::string& root, const std::string& lab_folder,
                              const std::string& hardware_key);

/// Reads one file; empty cases when there is none. Throws Error naming the file and the field when
/// it is damaged or of another schema.
Expectations read_expectations(const std::string& path, const std::string& lab,
                               const std::string& hardware_key);

/// The key of what ran a case: the machine's, or the GPU's for device "cuda" ("" where the run saw
/// none).
std::string hardware_key_of(const Json& header, const std::string& device);

/// One technique's result as an observation.
Observation observe(const RunRecord& run, const CaseResult& result,
                    const TechniqueResult& technique);

/// What --update-expectations did to one row.
struct UpdateRow {
  enum class Kind { kFirst, kLearning, kConfirmed, kBetter, kAccepted, kRefused, kLeft } kind;
  std::string row;   // "ch07:transpose/llama3_8b_v_cache/full tiled"
  std::string text;  // one line: from what to what, or why it was left
};
const char* name(UpdateRow::Kind kind);

/// Takes the run's ok results into `expectations`. A value within the expected spread is appended;
/// a better one starts the row again; a worse one is refused, and leaves its row as it was, unless
/// `accept` says why it is right. Noisy, wrong and skipped results are left out. Pure.
std::vector<UpdateRow> update(Expectations& expectations, const RunRecord& run,
                              const CaseResult& result, const std::string& accept);

/// update() for a whole run: reads, updates and writes one file a lab under `root`. Files are
/// written only where something changed. Throws Error when the run had checks switched off (no
/// claim rests on it), or when a file cannot be read or written; files already written stay whole.
std::vector<UpdateRow> update_expectations(const RunRecord& run, const std::string& root,
                                           const std::string& accept);

}  // namespace aisp::bench
