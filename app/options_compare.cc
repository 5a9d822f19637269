// The options of aisp bench compare.
#include "app/cmd_bench_compare.h"

namespace aisp::app {
namespace {

void add_what(CLI::App* app, CompareOptions& o) {
  app->add_option("--a", o.a, "The first command: what the others are compared with");
  app->add_option("--b", o.b, "The second command");
  app->add_option("--command", o.commands, "NAME=COMMAND; one more, any number of times");
  app->add_option("--prepare", o.prepare, "Command before every run of each, untimed");
  app->add_option("--prepare-a", o.prepare_a, "The same before A only");
  app->add_option("--prepare-b", o.prepare_b, "The same before B only");
  auto* shell = app->add_flag("--shell", o.shell,
                              "Always start through /bin/sh; when absent only where the command "
                              "needs one");
  app->add_flag("--no-shell", o.no_shell, "Never; shell syntax is then an error")->excludes(shell);
  app->add_option("--time", o.time,
                  "wall, cpu (user + system), printed (TIME_MS: or JSON), or auto: printed where "
                  "all print one, else the clocks")
      ->check(CLI::IsMember({"auto", "wall", "cpu", "printed"}));
  app->add_option("--json-key", o.json_key,
                  "Key of the time in a printed JSON line, such as result.time_ms");
  app->add_option("--warmup", o.warmup, "Untimed runs of each before; the first one is checked")
      ->check(CLI::Range(1, 1000));
}

void add_checks(CLI::App* app, CompareOptions& o) {
  app->add_option("--check", o.check, "stdout: standard outputs must agree")
      ->check(CLI::IsMember({"stdout"}));
  app->add_option("--output-a", o.output_a, "File that A writes; must agree with B's");
  app->add_option("--output-b", o.output_b, "File that B writes");
  app->add_option("--as", o.as,
                  "bytes, npy, raw (with --dtype) or text; when absent: bytes, and with a "
                  "tolerance by the file's name")
      ->check(CLI::IsMember({"bytes", "npy", "raw", "text"}));
  app->add_option("--dtype", o.dtype, "Of raw numbers: f64, f32, f16, bf16, i64 ... u8");
  app->add_option("--rtol", o.rtol, "Relative tolerance of numbers")->check(CLI::NonNegativeNumber);
  app->add_option("--atol", o.atol, "Absolute tolerance of numbers")->check(CLI::NonNegativeNumber);
  app->add_option("--ulps", o.ulps, "Or at most this many steps of the type")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--ignore-exit", o.ignore_exit, "Exit statuses other than 0 are right too");
}

void add_judgement(CLI::App* app, CompareOptions& o) {
  o.run.budget_s = 0.0;  // not given
  app->add_option("--budget", o.run.budget_s,
                  "Seconds for everything; 10, and for builds 2 for each row, when absent")
      ->check(CLI::Range(0.1, 86400.0));
  app->add_option("--margin", o.run.margin, "Ratios within 1 +- margin are equivalent")
      ->check(CLI::Range(1e-4, 1.0));
  app->add_option("--level", o.run.level, "Level of the intervals")->check(CLI::Range(0.5, 0.9999));
  app->add_option("--precision", o.run.precision,
                  "Go on after a verdict until the interval is this narrow; 0: stop there")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--time-limit", o.run.time_limit_s, "Seconds of one run that end it")
      ->check(CLI::PositiveNumber);
  app->add_option("--seed", o.run.seed, "Seed of the order of runs; drawn when absent");
  app->add_flag("--fail-if-slower", o.fail_if_slower,
                "Exit with 1 when a command is slower than A beyond the margin, with 2 when that "
                "is not known");
  app->add_option("--out", o.run.out, "Folder for the record (aisp report reads it)");
  app->add_flag("--json", o.json, "Print the record of the comparison");
}

void add_builds(CLI::App* app, CompareOptions& o) {
  app->add_option("--build-a", o.build_a, "Build folder of aisp, in place of commands");
  app->add_option("--build-b", o.build_b, "The build that is compared with it");
  app->add_option("--targets", o.run.targets, "Of builds: labs, targets, chapters or globs")
      ->delimiter(',');
  app->add_option("--size", o.run.size, "Of builds: smoke or full")
      ->check(CLI::IsMember({"smoke", "full"}));
  app->add_option("--processes", o.run.processes, "Of builds: pairs of processes (3)")
      ->check(CLI::Range(0, 64));
}

}  // namespace

void add_compare_options(CLI::App* app, CompareOptions& options) {
  add_what(app, options);
  add_checks(app, options);
  add_judgement(app, options);
  add_builds(app, options);
}

}  // namespace aisp::app
