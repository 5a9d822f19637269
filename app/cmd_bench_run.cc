// aisp bench run: the main job, from options to the table and the report.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/cmd_bench.h"
#include "app/progress.h"
#include "app/table.h"
#include "base/error.h"
#include "base/text.h"
#include "bench/expectations.h"
#include "report/html.h"

namespace aisp::app {
namespace {

int terminal_width() {
  winsize size{};
  return ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 60 ? size.ws_col : 100;
}

// False when a worse value was refused.
bool take_into_expectations(const bench::RunRecord& run, const KeepOptions& keep) {
  std::map<bench::UpdateRow::Kind, std::size_t> counts;
  for (const auto& row : bench::update_expectations(run, keep.root, keep.accept)) {
    using Kind = bench::UpdateRow::Kind;
    ++counts[row.kind];
    if (row.kind != Kind::kFirst && row.kind != Kind::kConfirmed) {
      fmt::print("  {:15} {}: {}\n", name(row.kind), printable(row.row), printable(row.text));
    }
  }
  std::string line;
  for (const auto& [kind, count] : counts) line += fmt::format(", {} {}", count, name(kind));
  fmt::print("expectations{}\n", line.empty() ? ": nothing to record" : ": " + line.substr(2));
  const bool refused = counts.count(bench::UpdateRow::Kind::kRefused) > 0;
  if (refused) {
    fmt::print("Worse values were refused; --accept-regression \"why\" takes them in.\n");
  }
  return !refused;
}

}  // namespace

int cmd_bench_run(const bench::RunOptions& options, const KeepOptions& keep) {
  if (!keep.accept.empty() && !keep.update) {
    throw UsageError("needs --update-expectations", "--accept-regression", "");
  }
  if (keep.update && !options.checks_off.empty()) {
    throw UsageError("no claim rests on a run with checks switched off", "--update-expectations",
                     "run without --without-check");
  }
  bench::RunSummary summary;
  {
    Progress bar;
    bench::RunProgress progress;
    progress.step = [&](std::size_t done, std::size_t all, const std::string& now) {
      bar.show(done, all, now);
    };
    progress.note = [&](const std::string& line) { bar.note(line); };
    summary = bench::run_benchmarks(options, progress);
  }
  const bench::RunRecord run = bench::read_run(summary.folder);
  const bool terminal = isatty(1) != 0;
  fmt::print("{}", summary_table(run, terminal, terminal_width()));
  if (!options.checks_off.empty()) {
    fmt::print("Checks were switched off: no claim rests on this run.\n");
  }
  fmt::print("{} ok, {} noisy, {} wrong, {} impossible, {} failed, {} skipped\n", summary.ok,
             summary.noisy, summary.wrong, summary.impossible, summary.failed, summary.skipped);
  if (summary.interrupted) {
    fmt::print(
        "Interrupted. What was finished is kept; go on with:\n  aisp bench run --resume --out {}\n",
        summary.folder);
    return 130;
  }
  bench::write_file_atomically(summary.folder + "/report.html", report::render_html(run));
  fmt::print("report: {}/report.html\n", summary.folder);
  const bool refused = keep.update && !take_into_expectations(run, keep);
  if (summary.wrong + summary.impossible + summary.failed > 0) return kExitWrong;
  return refused ? kExitRegression : kExitOk;
}

}  // namespace aisp::app
