// The record of a run: artifacts/<run>/run.json (the header, written first) and results.jsonl (one
// line a case, appended and synced as it comes). Readers need nothing else; same record in, same
// report out. The JSON is described by docs/record.schema.json, which a test enforces.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/interval.h"
#include "bench/counters.h"
#include "bench/pairing.h"

namespace aisp::bench {

using Json = nlohmann::ordered_json;

inline constexpr const char* kRunSchema = "aisp.run/1";
inline constexpr const char* kResultSchema = "aisp.result/1";

enum class Outcome { kOk, kSkipped, kWrong, kImpossible, kFailed, kNoisy };
const char* name(Outcome outcome);

/// Raw samples of one technique in one process, a value a round, nanoseconds per iteration. A
/// technique that was decided early has fewer rounds: its rounds are the baseline's first ones.
struct Series {
  std::uint64_t iterations = 1;
  std::vector<double> wall_ns;
  std::vector<double> cpu_ns;  // on a GPU: between two events on the stream
  std::vector<double> sm_mhz;  // on a GPU only
};

/// A GPU before and after a case, as NVML tells it; absent values are NaN or 0.
struct DeviceVitals {
  double power_w_before = 0.0, power_w_after = 0.0;
  double temperature_c_before = 0.0, temperature_c_after = 0.0;
  std::uint64_t throttle_reasons = 0;   // NVML bits seen before or after, the idle bit left out
  int other_processes = 0;              // that hold memory of it
  std::map<std::string, double> joule;  // per call of each technique, where it was asked for
};

/// One worker process: what it measured, with which secret seed.
struct ProcessRecord {
  std::uint64_t seed = 0;
  double seconds = 0.0;
  std::map<std::string, Series> series;  // by technique
  std::optional<DeviceVitals> device;    // of cases on a GPU: how it was meanwhile
};

/// What runs of a command took beside its time: medians over its timed runs.
struct CommandUsage {
  double wall_ns = 0.0, user_ns = 0.0, system_ns = 0.0;  // of the whole process
  double peak_memory_bytes = 0.0;
  bool peak_memory_is_bound = false;      // not more than that: it is what we take ourselves
  double waits = 0.0, preemptions = 0.0;  // context switches of its own will, and not
  bool shell = false;                     // started through /bin/sh
  double start_ns = 0.0;  // of starting and ending a process that does nothing, the same way
};

/// What one technique came to in one case.
struct TechniqueResult {
  std::string name, summary;
  std::string role;  // "technique", "baseline", "peer" or "ceiling" (ceiling_loop.h)
  std::string device = "cpu";
  int threads = 1;
  Outcome outcome = Outcome::kSkipped;
  std::string reason;       // for every outcome but ok
  std::string detector;     // which check spoke, for wrong / impossible / failed
  std::string last_output;  // of a worker that died
  // From here on only for ok and noisy: what is wrong has no time.
  PairResult pair;  // time over the baseline's time; the baseline itself has 1
  double margin = 0.0, level = 0.0;
  Interval time_ns;     // per call, on the wall clock (on a GPU: on the clock that decides); median
                        // with its interval
  double sm_mhz = 0.0;  // on a GPU: median of its epochs
  double joule = 0.0;   // on a GPU, where asked for: energy of a call
  double p10_ns = 0.0, p90_ns = 0.0, p99_ns = 0.0;
  double gflop_per_s = 0.0, gb_per_s = 0.0, items_per_s = 0.0;
  // Least time the measured ceilings allow for the declared work; 0 when no ceiling applies.
  double floor_ns = 0.0;
  std::string bound;  // "compute", "memory" or ""
  double ceiling_fraction = 0.0;
  // The row of role "ceiling" that ran in the same rounds on as many threads, its time over the
  // technique's; "" where none did.
  std::string beside;
  Interval beside_fraction;
  bool has_isolated = false;
  PairResult isolated;                    // the isolated mode's ratio, when asked for
  std::size_t outputs_checked = 0;        // calls whose whole output was compared
  double worst_in_bounds = 0.0;           // largest error seen, in units of its bound
  std::vector<std::string> labels;        // "contended", "cpu clock", "isolated disagrees"
  std::optional<CommandUsage> usage;      // only of commands
  std::optional<CounterProfile> profile;  // on a GPU, where asked for
};

/// One case of one lab: a line of results.jsonl.
struct CaseResult {
  std::string lab;  // "ch07:transpose"
  std::string folder, source_hash, question;
  std::vector<std::string> targets;
  std::string case_name, origin, size;  // size: "smoke" or "full"
  std::string device = "cpu";           // "cpu" or "cuda"
  std::string cache;                    // on a GPU: "warm", "cold" or "dirty"
  bool graph = false;                   // on a GPU: calls were replayed from a graph
  std::map<std::string, std::int64_t> params;
  std::string baseline;
  // Declared work of one call.
  double flops = 0.0, bytes_read = 0.0, bytes_written = 0.0, items = 0.0;
  std::string flops_dtype, item_name, medium;
  double working_set_bytes = 0.0;
  std::string started_utc;
  double seconds = 0.0;
  double load1 = 0.0, steal_share = 0.0;    // while it ran
  std::vector<TechniqueResult> techniques;  // the baseline first
  std::vector<ProcessRecord> processes;
  std::vector<std::string> checks_off;  // detectors switched off: no claim rests on such a row

  std::string key() const { return lab + "/" + case_name + "/" + size; }
};

/// One run as read back from its folder.
struct RunRecord {
  std::string folder;
  Json header;                      // run.json
  std::vector<CaseResult> results;  // in the order of the file, the last line of each key wins
  std::size_t torn_lines = 0;       // an unfinished last line (the run was killed), left out
};

Json to_json(const Series& series);
Series series_from_json(const Json& json);
Json to_json(const DeviceVitals& device);
DeviceVitals vitals_from_json(const Json& json);
Json to_json(const CaseResult& result);
/// Throws Error naming the line when a field is missing or of the wrong type.
CaseResult case_from_json(const Json& json, const std::string& where);

/// Reads a run folder (or its run.json). Throws Error when there is none, when the schema is of
/// another version, or when a line other than the last is broken.
RunRecord read_run(const std::string& path);

/// Writes a whole file by temporary name and rename; on failure throws Error, the old one stays.
void write_file_atomically(const std::string& path, const std::string& text);

/// The appending side. One writer a folder: a second one is refused.
class RunWriter {
 public:
  /// Creates the folder with its header, or with `resume` opens an existing one: checks the schema,
  /// cuts a torn last line, keeps the header. Throws Error when the folder is in use, exists
  /// without `resume`, or cannot be written.
  RunWriter(const std::string& folder, const Json& header, bool resume);
  ~RunWriter();
  RunWriter(const RunWriter&) = delete;
  RunWriter& operator=(const RunWriter&) = delete;

  /// Appends one line and syncs it. On a full disk: cuts the partial line, throws Error; what was
  /// there stays readable.
  void append(const CaseResult& result);

  /// Replaces the header, atomically (ceilings that rose during the run).
  void rewrite_header(const Json& header);

 private:
  std::string folder_;
  int lock_ = -1;
  int file_ = -1;
};

}  // namespace aisp::bench
