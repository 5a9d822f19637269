// See compare_builds.h.
#include "app/compare_builds.h"

#include <fmt/format.h>

#include "app/cmd_bench.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "bench/duel.h"
#include "bench/record.h"
#include "report/html.h"

namespace aisp::app {
namespace {

// Only whole rows that say something: equal ones are counted.
void print_row(const bench::CaseResult& row) {
  const bench::TechniqueResult &a = row.techniques[0], &b = row.techniques[1];
  const std::string who = printable(row.lab + "  " + row.case_name);
  for (const auto* side : {&a, &b}) {
    if (side->outcome == bench::Outcome::kWrong || side->outcome == bench::Outcome::kFailed) {
      fmt::print("  {:58} {}: {}: {}\n", who, side->name, name(side->outcome),
                 printable(side->reason));
      return;
    }
  }
  const auto& pair = b.pair;
  if (pair.verdict == bench::Verdict::kEquivalent || !(pair.ratio.estimate > 0.0)) return;
  fmt::print("  {:58} {:>10} {:>10}  {:>7} {:18} {}\n", who, format_time(a.time_ns.estimate),
             format_time(b.time_ns.estimate), format_ratio(1.0 / pair.ratio.estimate),
             format_ratio_interval(1.0 / pair.ratio.high, 1.0 / pair.ratio.low),
             name(pair.verdict));
}

void print_only(const char* which, const std::vector<std::string>& names) {
  for (const std::string& one : names) fmt::print("  only in {}: {}\n", which, printable(one));
}

}  // namespace

int compare_builds(const CompareOptions& options) {
  if (options.build_a.empty() || options.build_b.empty()) {
    throw UsageError("needs --build-a and --build-b", "aisp bench compare", "");
  }
  if (!options.a.empty() || !options.b.empty() || !options.commands.empty()) {
    throw UsageError("compares builds or commands, not both", "--build-a", "leave out --a and --b");
  }
  bench::DuelOptions duel;
  duel.build_a = options.build_a;
  duel.build_b = options.build_b;
  duel.targets = options.run.targets;
  duel.size = options.run.size;
  duel.processes = options.run.processes > 0 ? options.run.processes : 3;
  duel.budget_s = options.run.budget_s;
  duel.margin = options.run.margin;
  duel.level = options.run.level;
  duel.seed = options.run.seed;
  duel.out = options.run.out;
  duel.command = options.run.command;
  bench::DuelSummary summary;
  {
    Progress bar;
    bench::RunProgress progress;
    progress.step = [&](std::size_t done, std::size_t all, const std::string& now) {
      bar.show(done, all, now);
    };
    summary = bench::run_duel(duel, progress);
  }
  const bench::RunRecord run = bench::read_run(summary.folder);
  if (options.json) {
    bench::Json rows = bench::Json::array();
    for (const auto& row : run.results) rows.push_back(to_json(row));
    fmt::print("{}\n", rows.dump(1, ' ', false, bench::Json::error_handler_t::replace));
  } else {
    fmt::print("  {:58} {:>10} {:>10}  {:>7} {:18}\n", "", "build A", "build B", "speed-up",
               "[interval]");
    for (const auto& row : run.results) print_row(row);
    print_only("A", summary.only_a);
    print_only("B", summary.only_b);
    fmt::print(
        "B against A: {} rows, {} faster, {} slower, {} equivalent, {} undecided, {} wrong\n",
        summary.rows, summary.faster, summary.slower, summary.equivalent, summary.undecided,
        summary.wrong);
    bench::write_file_atomically(summary.folder + "/report.html", report::render_html(run));
    fmt::print("report: {}/report.html\n", summary.folder);
  }
  if (summary.interrupted) return 130;
  if (summary.wrong > 0) return kExitWrong;
  return summary.slower > 0 ? kExitRegression : kExitOk;
}

}  // namespace aisp::app
