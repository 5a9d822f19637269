// See cmd_bench_gate.h.
#include "app/cmd_bench_gate.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "app/cmd_bench.h"
#include "app/progress.h"
#include "base/interval.h"
#include "base/units.h"
#include "bench/gate_replay.h"
#include "bench/supervisor.h"
#include "report/gate_text.h"

namespace aisp::app {
namespace {

void write_form(const std::string& path, const std::string& text) {
  if (path.empty()) return;
  if (path == "-") {
    fmt::print("{}", text);
  } else {
    bench::write_file_atomically(path, text);
  }
}

std::string dated_folder() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("artifacts/{:%Y%m%d-%H%M%S}-{}-gate", utc, getpid());
}

std::string rate(std::size_t hits, std::size_t of) {
  const Interval bounds =
      clopper_pearson(static_cast<std::int64_t>(hits), static_cast<std::int64_t>(of));
  return fmt::format("{} of {} [{}, {}]", hits, of, format_percent(bounds.low),
                     format_percent(bounds.high));
}

int replay(const GateCommand& command) {
  std::vector<bench::RunRecord> sessions;
  for (const std::string& folder : command.gate.runs) sessions.push_back(bench::read_run(folder));
  bench::ReplayOptions options;
  options.trials = command.replay;
  options.recorded = command.recorded;
  options.step = 1.0 + command.planted;
  options.rules = command.gate.rules;
  const bench::ReplayReport r = bench::replay_gate(sessions, options);
  fmt::print("{} gates from {} recorded sessions, each against {} of them\n", r.trials, r.sessions,
             command.recorded);
  fmt::print("rows red without a change     {}\n", rate(r.false_reds, r.rows));
  fmt::print("gates red without a change    {}\n", rate(r.trials_with_false_red, r.trials));
  fmt::print("rows run a second time        {}\n", rate(r.suspects, r.rows));
  fmt::print("planted +{} found in one run    {}\n", format_percent(command.planted),
             rate(r.found_first, r.planted_fit));
  fmt::print("                 in two runs    {}  where the recorded spread allows it\n",
             rate(r.found_second, r.planted_fit));
  fmt::print("                 in two runs    {}  where it does not\n",
             rate(r.found_unfit, r.planted_unfit));
  return kExitOk;
}

}  // namespace

int cmd_bench_gate(const GateCommand& command) {
  if (command.replay > 0) return replay(command);
  bench::GateReport gate;
  {
    Progress bar;
    bench::RunProgress progress;
    progress.step = [&](std::size_t done, std::size_t all, const std::string& now) {
      bar.show(done, all, now);
    };
    progress.note = [&](const std::string& line) { bar.note(line); };
    bench::GateOptions options = command.gate;
    if (options.run.out.empty()) options.run.out = dated_folder();
    gate = bench::run_gate(options, progress);
  }
  write_form(command.junit, report::gate_junit(gate));
  write_form(command.markdown, report::gate_markdown(gate));
  write_form(command.json, report::gate_json(gate));
  if (command.github) fmt::print("{}", report::gate_annotations(gate));
  const bool to_stdout = command.junit == "-" || command.markdown == "-" || command.json == "-";
  if (!to_stdout) fmt::print("{}", report::gate_terminal(gate));
  if (!gate.recorded_anything && gate.red == 0) {
    fmt::print(stderr,
               "aisp: nothing is recorded for this machine ({}); record it with aisp bench run "
               "--update-expectations\n",
               gate.hardware_key);
    return kExitInconclusive;
  }
  if (bench::interrupted()) return 130;
  if (gate.wrong > 0) return kExitWrong;
  return gate.red > 0 ? kExitRegression : kExitOk;
}

}  // namespace aisp::app
