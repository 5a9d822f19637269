// What a worker process is asked to do, and what it answers. A job is one case of one lab; the
// answers are lines of JSON on a private descriptor, each carrying the job's secret token.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bench/checks.h"
#include "bench/device_bench.h"
#include "bench/lab.h"
#include "bench/record.h"

namespace aisp::bench {

struct Job {
  std::vector<std::string> modules;     // lab modules to load
  std::string lab;                      // "ch07:transpose"
  std::string case_name, size;          // "full" or "smoke"
  std::vector<std::string> techniques;  // baseline first; the ones that can run here
  std::vector<int> ceiling_threads;     // a CeilingLoop of so many threads runs beside them
  std::uint64_t seed = 0;               // secret unless the user named one
  double budget_s = 2.0;                // for the timed part
  double epoch_ns = 100e3;
  double margin = 0.01, level = 0.95, precision = 0.02;
  std::uint64_t iterations = 0;
  bool isolated = false;
  Device device = Device::kCpu;        // of the case
  CacheMode cache = CacheMode::kWarm;  // on a GPU, like the two below
  bool graph = false;
  bool energy = false;  // measure the energy of calls: two seconds each
  bool nvtx = false;    // name the phases on the timeline of a tool that looks
  std::vector<std::string> checks_off;
  std::size_t memory_limit_bytes = 0;   // 0: none
  std::string scratch_folder = "/tmp";  // file inputs
};

Json to_json(const Job& job);
Job job_from_json(const Json& json);

/// Findings about one technique that only the process that ran it can know.
struct TechniqueFindings {
  std::size_t outputs_checked = 0;
  double worst_in_bounds = 0.0;
  bool has_isolated = false;
  PairResult isolated;
  std::optional<CommandUsage> usage;  // of a command
  std::string kernel;                 // of a ceiling: "copy_nt avx512"
};

/// How a worker tells its supervisor what happens.
class Reporter {
 public:
  virtual ~Reporter() = default;
  /// Something begins; if the process dies next, this is where.
  virtual void phase(const std::string& technique, const std::string& phase) = 0;
  /// A technique is out, for good. An empty name speaks of the whole case.
  virtual void outcome(const std::string& technique, Outcome outcome, const std::string& detector,
                       const std::string& reason) = 0;
  virtual void done(const ProcessRecord& record,
                    const std::map<std::string, TechniqueFindings>& findings) = 0;
};

/// Does the job in this process: verifies, measures, audits. Failures of techniques are reported;
/// only errors of the world around (no memory for inputs, no such lab) are thrown.
void run_job(const Job& job, Reporter& reporter);

/// The lab named `chapter:name` with all modules loaded. Throws Error when there is none.
LabEntry find_lab(const std::vector<std::string>& modules, const std::string& name);

/// Entry of the hidden worker command: reads the job from standard input, limits itself, runs it.
int worker_main(int channel);

}  // namespace aisp::bench
