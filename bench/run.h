// A whole run: which cases, in which order, with how much time each; supervised, judged, recorded.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/device_mirror.h"
#include "bench/judge.h"
#include "bench/record.h"
#include "bench/select.h"

namespace aisp::bench {

struct RunOptions {
  std::vector<std::string> targets, techniques, cases, modules, checks_off;
  std::string device;         // "cpu" or "cuda": only its cases; "": both
  std::string size = "full";  // or "smoke"
  // Ceilings, "none": no; "minimal": those in the cache; "roofline" and "deep_dive": measured first
  // where the cache has none. Counters of techniques on a GPU (profile/ncu.h): "minimal" a few,
  // "deep_dive" all.
  std::string profile = "roofline";
  bool counters = true;          // false: ceilings only, whatever the profile says
  std::uint64_t iterations = 0;  // per epoch; 0: calibrated
  double budget_s = 210.0;       // for all cases; 0: until every verdict
  std::uint64_t seed = 0;        // 0: secret seeds from the system
  std::string out;               // folder; "": artifacts/<time>-<pid>
  bool resume = false;
  bool peers = false;
  bool isolated = false;
  // Of cases on a GPU: what a call finds in the L2, calls replayed from a graph, energy of a call.
  CacheMode cache = CacheMode::kWarm;
  bool graph = false, energy = false;
  bool nvtx = false;  // phases of cases on a GPU as NVTX ranges
  int processes = 0;  // per case; 0: 1 for smoke, 2 for full
  double margin = 0.01, level = 0.95;
  double precision = 0.02;  // go on after a verdict until the interval is this narrow
  double time_limit_s = 60.0;
  std::size_t memory_limit_bytes = 0;  // 0: three quarters of the memory
  std::vector<std::string> command;    // argv, for the record
  CommandLabs command_labs;            // labs beside those of `modules`: aisp bench compare's
};

/// What the front end shows while it runs.
struct RunProgress {
  std::function<void(std::size_t done, std::size_t all, const std::string& now)> step;
  std::function<void(const CaseResult&)> finished;
  std::function<void(const std::string&)> note;
};

struct RunSummary {
  std::string folder;
  std::size_t cases = 0, skipped_by_resume = 0;
  std::size_t ok = 0, wrong = 0, failed = 0, impossible = 0, noisy = 0, skipped = 0;
  bool interrupted = false;
};

/// Runs it. Throws Error for what the user must mend (unknown names, a folder in use, a full disk);
/// cases recorded before are kept.
RunSummary run_benchmarks(const RunOptions& options, const RunProgress& progress);

/// Version, commit, compiler and flags of this program.
Json build_info();

}  // namespace aisp::bench
