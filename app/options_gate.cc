// See options_gate.h.
#include "app/options_gate.h"

#include <cstdlib>

namespace aisp::app {
namespace {

void add_gate(CLI::App* bench, GateCommand& c, int* code) {
  CLI::App* gate = bench->add_subcommand(
      "gate", "Fail when a recorded ratio got worse, an output is wrong or a result is missing");
  gate->add_option("runs", c.gate.runs, "Run folders to judge; none: the gate makes its own run");
  bench::RunOptions& run = c.gate.run;
  gate->add_option("--targets", run.targets, "What to judge; all that is recorded when absent")
      ->delimiter(',');
  gate->add_option("--size", run.size, "Of own runs: smoke or full")
      ->check(CLI::IsMember({"smoke", "full"}));
  gate->add_option("--budget", run.budget_s, "Of own runs: seconds for all cases of a round")
      ->check(CLI::NonNegativeNumber);
  gate->add_option("--processes", run.processes, "Of own runs: worker processes per case")
      ->check(CLI::Range(0, 64));
  gate->add_option("--profile", run.profile, "Of own runs: none, minimal or roofline")
      ->check(CLI::IsMember({"none", "minimal", "roofline"}));
  gate->add_option("--labs", run.modules, "Also labs of these modules (shared objects)");
  gate->add_option("--out", run.out, "Folder of own runs");
  gate->add_option("--rounds", c.gate.rounds, "Own runs at most; the later ones only for suspects")
      ->check(CLI::Range(1, 5));
  gate->add_option("--root", c.gate.root, "Source tree that holds the expectations");
  gate->add_option("--xfail", c.gate.xfail, "List of known failures, below --root");
  gate->add_option("--alpha", c.gate.rules.alpha, "Chance of any false red in one gate")
      ->check(CLI::Range(1e-6, 0.5));
  gate->add_option("--margin", c.gate.rules.margin, "Changes within it are of no interest")
      ->check(CLI::Range(1e-4, 1.0));
  gate->add_option("--junit", c.junit, "Write JUnit XML here (- for standard output)");
  gate->add_option("--md", c.markdown, "Write a Markdown summary here (- for standard output)");
  gate->add_option("--json", c.json, "Write everything as JSON here (- for standard output)");
  gate->add_flag("--github", c.github, "Print GitHub annotations for the ten worst rows");
  gate->add_option("--replay", c.replay,
                   "Judge the gate: resample the given runs, taken without a change, this often")
      ->check(CLI::PositiveNumber);
  gate->add_option("--planted", c.planted, "Of a replay: the step planted into one row")
      ->check(CLI::Range(1e-3, 10.0));
  gate->add_option("--recorded", c.recorded, "Of a replay: runs taken as recorded")
      ->check(CLI::Range(1, 16));
  gate->callback([&c, code] { *code = cmd_bench_gate(c); });
}

void add_history(CLI::App* bench, HistoryCommand& c, int* code) {
  CLI::App* history = bench->add_subcommand("history", "The trend of a target over stored runs");
  history->add_option("targets", c.targets, "Targets, labs, chapters, globs or tag:NAME")
      ->required();
  history->add_option("--runs", c.runs, "Folder that holds run folders");
  history->add_option("--technique", c.technique, "Only techniques of this name or glob");
  history->add_option("--labs", c.modules, "Also labs of these modules (shared objects)");
  history->add_option("--hardware", c.hardware_key,
                      "Runs of this hardware key, not this machine's");
  history->add_flag("--json", c.json, "As JSON");
  history->callback([&c, code] { *code = cmd_bench_history(c); });
}

}  // namespace

void add_gate_and_history(CLI::App* bench, KeepCommands& commands, int* code) {
  add_gate(bench, commands.gate, code);
  add_history(bench, commands.history, code);
}

}  // namespace aisp::app
