// The program: subcommands, their options, and the one place where errors become a line and a code.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/cmd_bench.h"
#include "app/cmd_bench_compare.h"
#include "app/cmd_bench_model.h"
#include "app/cmd_doctor.h"
#include "app/cmd_engine.h"
#include "app/cmd_eval.h"
#include "app/cmd_generate.h"
#include "app/cmd_load.h"
#include "app/cmd_machine.h"
#include "app/cmd_model.h"
#include "app/cmd_occupancy.h"
#include "app/cmd_report.h"
#include "app/cmd_serve.h"
#include "app/cmd_spec_sweep.h"
#include "app/cmd_tools.h"
#include "app/options_gate.h"
#include "app/options_machine.h"
#include "base/error.h"
#include "base/nearest.h"
#include "bench/duel.h"
#include "bench/job.h"
#include "bench/lab_table.h"
#include "bench/profile/one_call.h"

namespace aisp::app {
namespace {

// Options that a subcommand knows, for "did you mean".
std::vector<std::string> known_words(const CLI::App* app) {
  std::vector<std::string> words;
  for (const CLI::Option* option : app->get_options()) {
    for (const auto& name : option->get_lnames()) words.push_back("--" + name);
  }
  for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
    if (!sub->get_name().empty() && sub->get_group() != "") words.push_back(sub->get_name());
  }
  return words;
}

// The innermost subcommand that was named on the command line.
const CLI::App* innermost(const CLI::App* app) {
  for (const CLI::App* sub : app->get_subcommands()) return innermost(sub);
  return app;
}

int usage_error(const CLI::App& root, const CLI::ParseError& problem) {
  const CLI::App* app = innermost(&root);
  std::string line = problem.what();
  const auto extras = root.remaining(true);
  if (dynamic_cast<const CLI::ExtrasError*>(&problem) != nullptr && !extras.empty()) {
    const std::string wanted = extras.front().substr(0, extras.front().find('='));
    line = "unknown " + std::string(wanted[0] == '-' ? "option " : "argument ") + wanted;
    const std::string close = nearest(wanted, known_words(app));
    if (!close.empty()) line += "; did you mean " + close + "?";
  } else if (dynamic_cast<const CLI::RequiredError*>(&problem) != nullptr && !extras.empty()) {
    const std::string close = nearest(extras.front(), known_words(app));
    line = "unknown command " + extras.front();
    if (!close.empty()) line += "; did you mean " + close + "?";
  }
  fmt::print(stderr, "aisp: {} (see {} --help)\n", line, app->get_display_name());
  return kExitFault;
}

void add_run_options(CLI::App* run, bench::RunOptions& o, double& memory_gib) {
  run->add_option("--targets", o.targets,
                  "Book targets, labs, chapters, globs or tag:NAME; all when absent")
      ->delimiter(',');
  run->add_option("--techniques", o.techniques,
                  "Names or globs of techniques; the baseline always runs")
      ->delimiter(',');
  run->add_option(
         "--cases", o.cases,
         "Names or globs of cases; first: the first case of each lab; without it all but long ones")
      ->delimiter(',');
  run->add_option("--device", o.device, "cpu or cuda: only the cases that run there")
      ->check(CLI::IsMember({"cpu", "cuda"}));
  run->add_option("--size", o.size, "smoke or full")->check(CLI::IsMember({"smoke", "full"}));
  run->add_option("--profile", o.profile,
                  "none; minimal (cached ceilings; of techniques on a GPU a few counters, by ncu); "
                  "roofline (measured ceilings); deep_dive (both: measured ceilings, all counters)")
      ->check(CLI::IsMember({"none", "minimal", "roofline", "deep_dive"}));
  run->add_option("--iterations", o.iterations, "Calls per epoch; 0: calibrated");
  run->add_option("--budget", o.budget_s, "Seconds for all cases together; 0: until every verdict")
      ->check(CLI::NonNegativeNumber);
  run->add_option("--seed", o.seed, "Seed of the inputs, to reproduce a run; secret when absent");
  run->add_option("--out", o.out, "Folder of the record; artifacts/<time>-<pid> when absent");
  run->add_flag("--resume", o.resume, "Go on with the run in --out");
  run->add_flag("--peers", o.peers,
                "Also other people's libraries (oneDNN, OpenBLAS), and bandwidth ceilings beside");
  run->add_flag("--isolated", o.isolated,
                "Also measure each technique alone, and warn where that differs");
  const std::map<std::string, bench::CacheMode> modes = {{"warm", bench::CacheMode::kWarm},
                                                         {"cold", bench::CacheMode::kCold},
                                                         {"dirty", bench::CacheMode::kDirty}};
  run->add_option(
         "--cache", o.cache,
         "What a call on a GPU finds in the L2: warm (what the call before left), cold (its "
         "reads miss), dirty (foreign lines to write back)")
      ->transform(CLI::Transformer(modes));
  run->add_flag("--graph", o.graph, "Replay the calls of an epoch on a GPU from a CUDA graph");
  run->add_flag("--energy", o.energy, "Also measure the energy of a call on a GPU");
  run->add_flag("--nvtx", o.nvtx, "Name the phases of a case on a GPU for nsys and ncu (NVTX)")
      ->envname("AISP_NVTX");
  run->add_option("--processes", o.processes,
                  "Worker processes per case; 0: 1 for smoke, 2 for full")
      ->check(CLI::Range(0, 64));
  run->add_option("--margin", o.margin, "Ratios within 1 +- margin are equivalent")
      ->check(CLI::Range(1e-4, 1.0));
  run->add_option("--level", o.level, "Level of the intervals")->check(CLI::Range(0.5, 0.9999));
  run->add_option("--precision", o.precision,
                  "Go on after a verdict until the interval is this narrow; 0: stop there")
      ->check(CLI::NonNegativeNumber);
  run->add_option("--time-limit", o.time_limit_s,
                  "Seconds without a sign of life that end a worker")
      ->check(CLI::PositiveNumber);
  run->add_option("--memory-limit", memory_gib,
                  "GiB a worker may allocate; 0: three quarters of the memory")
      ->check(CLI::NonNegativeNumber);
  run->add_option("--labs", o.modules, "Also labs of these modules (.so) or files (.toml)");
  run->add_option("--without-check", o.checks_off,
                  "Switch a protection off (see aisp bench checks)")
      ->delimiter(',');
}

// What the options of all subcommands write into, and what the chosen one returned.
struct Commands {
  bench::RunOptions run;
  KeepOptions keep;
  double memory_gib = 0.0;
  KeepCommands keep_commands;
  ListOptions list;
  SelftestCommand selftest;
  CompareOptions compare;
  int channel = -1;
  std::string profile_job;
  ReportOptions report;
  MachineOptions machine;
  RooflineOptions roofline;
  OccupancyOptions occupancy;
  DoctorOptions doctor;
  ModelOptions model;
  GenerateOptions generate;
  BenchModelOptions bench_model;
  ServeCommand serve;
  EngineOptions engine;
  SpecSweepOptions spec_sweep;
  LoadCommand load;
  EvalOptions eval;
  int code = kExitOk;
};

// Workers also find the kernels of `aisp tools occupancy-tuning`.
void provide_all_labs() {
  std::vector<bench::LabEntry> labs = bench::builtin_labs();
  for (const bench::LabEntry& one : tune::labs()) labs.push_back(one);
  bench::provide_labs(labs);
}

void add_bench(CLI::App& root, Commands& c) {
  CLI::App* bench = root.add_subcommand("bench", "Measure techniques against their baselines");
  bench->require_subcommand(1);

  CLI::App* run = bench->add_subcommand("run", "Run labs: verify, measure, judge, record, report");
  add_run_options(run, c.run, c.memory_gib);
  run->add_flag("--update-expectations", c.keep.update,
                "Take the results into labs/.../expectations/ for this machine");
  run->add_option("--accept-regression", c.keep.accept,
                  "Why a worse value than the recorded one is right");
  run->add_option("--root", c.keep.root, "Source tree that holds the expectations");
  run->callback([&c] {
    c.run.memory_limit_bytes = static_cast<std::size_t>(c.memory_gib * (1u << 30));
    c.code = cmd_bench_run(c.run, c.keep);
  });

  CLI::App* list =
      bench->add_subcommand("list-targets", "List labs, their targets, cases and techniques");
  list->add_option("--chapter", c.list.chapter, "Only this chapter, such as ch07");
  list->add_option("--labs", c.list.modules, "Also labs of these modules (.so) or files (.toml)");
  list->add_flag("--json", c.list.json, "As JSON");
  list->callback([&c] { c.code = cmd_bench_list(c.list); });

  add_bench_model(*bench, c.bench_model, &c.code);

  CLI::App* compare =
      bench->add_subcommand("compare", "Compare any two commands, or two builds of aisp");
  add_compare_options(compare, c.compare);
  compare->callback([&c] {
    c.compare.run.command = c.run.command;
    c.code = cmd_bench_compare(c.compare);
  });

  CLI::App* selftest =
      bench->add_subcommand("selftest", "The instrument's own error rates on this machine");
  selftest->add_option("--device", c.selftest.device, "cpu or cuda: kernels on the GPU")
      ->check(CLI::IsMember({"cpu", "cuda"}));
  selftest->add_option("--trials", c.selftest.trials, "Trials per row; 0: what fits into --seconds")
      ->check(CLI::NonNegativeNumber);
  selftest->add_option("--load", c.selftest.load, "Busy background processes")
      ->check(CLI::Range(0, 64));
  selftest->add_option("--seconds", c.selftest.seconds, "Budget without --trials")
      ->check(CLI::PositiveNumber);
  selftest->add_option("--seed", c.selftest.seed, "Seed of the trials");
  selftest->add_flag("--json", c.selftest.json, "As JSON");
  selftest->callback([&c] { c.code = cmd_bench_selftest(c.selftest); });

  add_gate_and_history(bench, c.keep_commands, &c.code);

  bench->add_subcommand("checks", "List the protections")->callback([&c] {
    c.code = cmd_bench_checks();
  });

  bench->add_subcommand("duel-worker", "")->group("")->callback([&c] {
    c.code = bench::duel_worker_main();
  });
  CLI::App* profiled = bench->add_subcommand("profile-worker", "")->group("");
  profiled->add_option("--job", c.profile_job)->required();
  profiled->callback([&c] {
    provide_all_labs();
    c.code = bench::profile_worker_main(c.profile_job);
  });
  CLI::App* worker = bench->add_subcommand("worker", "")->group("");
  worker->add_option("--channel", c.channel)->required();
  worker->callback([&c] {
    provide_all_labs();
    c.code = bench::worker_main(c.channel);
  });
}

void add_report(CLI::App& root, Commands& c) {
  CLI::App* report = root.add_subcommand("report", "Turn a run into a page, Markdown or JSON");
  report->add_option("run", c.report.run, "Run folder")->required();
  report->add_flag("--html", c.report.html, "One self-contained page (default)");
  report->add_flag("--md", c.report.markdown, "Markdown");
  report->add_flag("--json", c.report.json, "JSON");
  report->add_option("--out", c.report.out, "File; - for standard output");
  report->callback([&c] { c.code = cmd_report(c.report); });
}

void add_machine(CLI::App& root, Commands& c) {
  CLI::App* machine = root.add_subcommand("machine", "What this machine is and can do, measured");
  add_machine_options(machine, c.machine);
  machine->callback([&c] { c.code = cmd_machine(c.machine); });
}

int run_command(int argc, char** argv) {
  CLI::App root{
      "Measures AI systems, finds what holds them back, and proves that a fix is faster and still "
      "right"};
  root.set_version_flag("--version", std::string(bench::build_info().at("version")));
  root.require_subcommand(1);
  Commands commands;
  commands.run.command.assign(argv, argv + argc);
  commands.doctor.prove.command = commands.run.command;
  commands.load.command = commands.run.command;
  add_bench(root, commands);
  add_report(root, commands);
  add_machine(root, commands);
  CLI::App* tools = add_tools(root, commands.roofline, &commands.code);
  add_occupancy(tools, commands.occupancy, &commands.code);
  add_spec_sweep(tools, commands.spec_sweep, &commands.code);
  add_doctor(root, commands.doctor, &commands.code);
  add_model(root, commands.model, &commands.code);
  add_generate(root, commands.generate, &commands.code);
  add_serve(root, commands.serve, &commands.code);
  add_engine(root, commands.engine, &commands.code);
  add_load(root, commands.load, &commands.code);
  add_eval(root, commands.eval, &commands.code);
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    root.exit(asked);  // --help, --version
    return kExitOk;
  } catch (const CLI::ParseError& problem) {
    return usage_error(root, problem);
  }
  return commands.code;
}

}  // namespace
}  // namespace aisp::app

int main(int argc, char** argv) {
  try {
    aisp::bench::provide_labs(aisp::bench::builtin_labs());
    return aisp::app::run_command(argc, argv);
  } catch (const aisp::Error& problem) {
    fmt::print(stderr, "aisp: {}\n", problem.what());
  } catch (const std::exception& problem) {
    fmt::print(stderr, "aisp: {}; please report this\n", problem.what());
  }
  return aisp::app::kExitFault;
}
