// aisp bench run: the main job, from options to the table and the report.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/cmd_bench.h"
#include "app/progress.h"
#include "app/table.h"
#include "report/html.h"

namespace aisp::app {
namespace {

int terminal_width() {
  winsize size{};
  return ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 60 ? size.ws_col : 100;
}

}  // namespace

int cmd_bench_run(const bench::RunOptions& options) {
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
  return summary.wrong + summary.impossible + summary.failed > 0 ? kExitWrong : kExitOk;
}

}  // namespace aisp::app
