// The subcommands of `aisp bench`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/run.h"

namespace aisp::app {

/// Exit codes of every command (docs/MEASURING.md).
enum ExitCode {
  kExitOk = 0,
  kExitRegression = 1,
  kExitInconclusive = 2,
  kExitWrong = 3,
  kExitFault = 4
};

/// What a run leaves in the source tree.
struct KeepOptions {
  bool update = false;      // take the results into the expectations of this machine
  std::string accept;       // why a worse value is right; "": it is refused
  std::string root = ".";
};

/// Runs labs, shows a progress bar (on a terminal), the summary table and the report's path. Exit
/// codes: 1 when an update of expectations was refused, 3 when a technique was accused.
int cmd_bench_run(const bench::RunOptions& options, const KeepOptions& keep);

struct ListOptions {
  std::string chapter;
  std::vector<std::string> modules;
  bool json = false;
};
int cmd_bench_list(const ListOptions& options);

struct SelftestCommand {
  std::string device = "cpu";  // or "cuda"
  std::int64_t trials = 0;
  int load = 0;
  double seconds = 55.0;
  std::uint64_t seed = 1;
  bool json = false;
};
int cmd_bench_selftest(const SelftestCommand& options);

/// Lists the protections with what each guards against.
int cmd_bench_checks();

}  // namespace aisp::app
