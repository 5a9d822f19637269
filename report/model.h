// What every form of the report says, derived once from the record: labs in order of appearance,
// speed-ups instead of ratios, one word for the state of each row, and the tally.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/interval.h"
#include "bench/record.h"

namespace aisp::report {

/// One word a row, shown as its verdict. kUnchecked: measured with a detector switched off, so no
/// claim may rest on it.
enum class State {
  kBaseline,
  kFaster,
  kEquivalent,
  kSlower,
  kInconclusive,
  kNoisy,
  kUnchecked,
  kWrong,
  kImpossible,
  kFailed,
  kSkipped
};
const char* name(State state);

struct Row {
  const bench::TechniqueResult* technique = nullptr;
  State state = State::kSkipped;
  std::string aside;   // "peer", "ceiling": shown beside the techniques, not counted with them
  bool timed = false;  // has a time: ok or noisy
  Interval speedup;    // baseline's time over its own; ends that are not known are not finite
};

struct CaseView {
  const bench::CaseResult* result = nullptr;
  std::string id;           // an anchor: "case-3"
  std::vector<Row> rows;    // the baseline first
  const Row* best() const;  // the row with the largest speed-up that is faster; or nullptr
};

struct LabView {
  std::string name;  // "ch07:transpose"
  std::string id;    // an anchor: "lab-2"
  std::vector<CaseView> cases;
};

/// "ch07" of "ch07:transpose"; the whole name where there is no chapter.
std::string chapter_of(const LabView& lab);

/// How often each state occurs. Peers and baselines are counted apart.
struct Tally {
  std::map<State, int> techniques;
  int peers = 0;
  int baselines = 0;
  int cases = 0;
  int total() const;
};

/// Refers to the record, which must outlive it.
struct Model {
  std::vector<LabView> labs;
  Tally tally;
};

Model build_model(const bench::RunRecord& run);

/// "20 faster, 5 equivalent, 2 skipped": what occurs, in the order of State.
std::string describe(const Tally& tally);

/// Raw wall-clock samples of one technique over all processes, in order; ns per call.
std::vector<double> wall_samples(const bench::CaseResult& result, const std::string& technique);
std::vector<double> wall_samples(const bench::ProcessRecord& process, const std::string& technique);

/// "onednn (peer)"; the name of a ceiling says what it is.
std::string named(const Row& row);

/// Why a row says what it says, in one line: the reason, the detector, the rounds it would need;
/// of a ceiling which loop it was.
std::string explain(const Row& row);

/// "M=1024, N=1024".
std::string describe_params(const bench::CaseResult& result);

/// The rates that the declared work gives: "12.3 GFLOP/s", "1.60 GB/s", "4.20 M tokens/s".
std::vector<std::string> describe_rates(const bench::CaseResult& result,
                                        const bench::TechniqueResult& technique);

/// "87.3 % memory" of the ceilings measured before the run; "91.2 % [89, 93] beside" of the one
/// that ran in the same rounds, where there is one. Empty when no ceiling applies.
std::string describe_ceiling(const bench::TechniqueResult& technique);

/// What the header holds at a path; nullptr when it is not there.
const bench::Json* find(const bench::Json& header, const std::vector<std::string>& path);

/// A string in the header by path, numbers and booleans as text; empty when it is not there.
std::string header_text(const bench::Json& header, const std::vector<std::string>& path);

/// A number in the header by path; NaN when it is not there.
double header_number(const bench::Json& header, const std::vector<std::string>& path);

/// "0.1.0, commit 0123456789ab (modified)": what is known of the build.
std::string describe_build(const bench::Json& header);

/// The command line as one string, arguments with blanks quoted.
std::string describe_command(const bench::Json& header);

/// The command that measures one lab again, with the options of the run that change what is
/// measured; for a shell.
std::string describe_rerun(const bench::Json& header, const LabView& lab);

}  // namespace aisp::report
