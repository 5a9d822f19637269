// aisp bench compare. Builds a lab of the commands, runs it as `aisp bench run` runs labs, and
// prints what came of it. See cmd_bench_compare.h.
#include "app/cmd_bench_compare.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "app/cmd_bench.h"
#include "app/compare_builds.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "bench/command/printed_time.h"
#include "bench/command/spawn.h"
#include "report/html.h"
#include "report/model.h"

namespace aisp::app {
namespace {

namespace command = bench::command;
using command::OutputCheck;

/// Removed with everything in it: a comparison leaves no record unless asked to.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "aisp-compare-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw Error("cannot make a temporary folder", name, "set TMPDIR to a folder with room");
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Named {
  std::string name, line, prepare, output;
};

std::vector<Named> named_commands(const CompareOptions& o) {
  std::vector<Named> all;
  const auto own = [](const std::string& mine, const std::string& common) {
    return mine.empty() ? common : mine;
  };
  if (!o.a.empty()) all.push_back({"a", o.a, own(o.prepare_a, o.prepare), o.output_a});
  if (!o.b.empty()) all.push_back({"b", o.b, own(o.prepare_b, o.prepare), o.output_b});
  for (const std::string& text : o.commands) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals == std::string::npos || name.empty() ||
        name.find_first_of(" /'\"") != std::string::npos) {
      throw UsageError("\"" + text + "\" has no name", "--command", "write NAME=COMMAND");
    }
    for (const Named& other : all) {
      if (other.name == name) {
        throw UsageError("two commands are called " + name, "--command", "choose another name");
      }
    }
    all.push_back({name, text.substr(equals + 1), o.prepare, ""});
  }
  if (all.size() < 2) {
    throw UsageError(all.empty() ? "no commands" : "nothing to compare with", "compare",
                     "give --a 'command' --b 'command'");
  }
  return all;
}

OutputCheck check_of(const CompareOptions& o, const std::vector<Named>& commands) {
  OutputCheck check;
  const bool files = !o.output_a.empty() || !o.output_b.empty();
  if (files && !o.check.empty()) {
    throw UsageError("both files and standard output", "--check", "choose one of them");
  }
  check.of = files             ? OutputCheck::Of::kFile
             : o.check.empty() ? OutputCheck::Of::kNothing
                               : OutputCheck::Of::kStdout;
  for (const Named& one : commands) {
    if (files && one.output.empty()) {
      throw UsageError("command " + one.name + " has no output file", "--output-a and --output-b",
                       "name both, or use a TOML file for more than two commands");
    }
  }
  check.relative = o.rtol;
  check.absolute = o.atol;
  check.ulps = o.ulps;
  const bool tolerant = o.rtol + o.atol + o.ulps > 0.0;
  if (!o.dtype.empty()) check.element = command::element_of(o.dtype, "--dtype");
  check.as = o.as == "bytes"  ? OutputCheck::As::kBytes
             : o.as == "npy"  ? OutputCheck::As::kNpy
             : o.as == "raw"  ? OutputCheck::As::kRaw
             : o.as == "text" ? OutputCheck::As::kText
                              : command::kind_of_file(o.output_a, !o.dtype.empty(), tolerant);
  if (check.as == OutputCheck::As::kRaw && o.dtype.empty()) {
    throw UsageError("raw numbers have no type", "--as", "add --dtype f32");
  }
  if (check.as == OutputCheck::As::kBytes && (tolerant || !o.dtype.empty())) {
    throw UsageError("bytes have no tolerance", "--as", "choose npy, raw or text");
  }
  if (check.of == OutputCheck::Of::kNothing && (tolerant || !o.as.empty() || !o.dtype.empty())) {
    throw UsageError("a tolerance without an output", "--rtol, --atol, --ulps, --as, --dtype",
                     "add --check stdout, or --output-a and --output-b");
  }
  return check;
}

std::shared_ptr<const command::CommandLab> lab_of(const CompareOptions& o) {
  const auto commands = named_commands(o);
  auto lab = std::make_shared<command::CommandLab>();
  lab->chapter = "compare";
  lab->name = "commands";
  lab->rules.time = o.time == "wall"      ? command::TimeSource::kWall
                    : o.time == "cpu"     ? command::TimeSource::kCpu
                    : o.time == "printed" ? command::TimeSource::kPrinted
                                          : command::TimeSource::kAuto;
  if (!o.json_key.empty()) command::unit_of_key(o.json_key, "--json-key");
  lab->rules.json_key = o.json_key;
  lab->rules.check = check_of(o, commands);
  lab->rules.ignore_exit = o.ignore_exit;
  lab->rules.warmup = o.warmup;
  command::CommandCase one;
  for (const Named& named : commands) {
    command::Command& into = one.commands[named.name];
    into.line = named.line;
    into.prepare = named.prepare;
    into.output = named.output;
    into.shell = o.shell      ? command::ShellUse::kAlways
                 : o.no_shell ? command::ShellUse::kNever
                              : command::ShellUse::kAuto;
    command::make_startable(into.line, into, "--" + named.name);  // throws before anything runs
    if (!into.prepare.empty()) command::make_startable(into.prepare, into, "--prepare");
    bench::Technique technique;
    technique.name = named.name;
    technique.summary = named.line;
    technique.threads = 0;  // nobody knows
    lab->lab.techniques.push_back(technique);
  }
  one.work.medium = bench::Work::Medium::kNone;
  lab->full["run"] = lab->smoke["run"] = one;
  lab->lab.question = "Which of these commands takes less time?";
  lab->lab.targets = {"compare:commands"};
  lab->lab.baseline = commands.front().name;
  lab->lab.cases.push_back({"run", "", {}, {}});
  lab->hash = command::hash_of(*lab);
  return lab;
}

std::string describe_memory(const bench::CommandUsage& usage) {
  return fmt::format("{}{}", usage.peak_memory_is_bound ? "at most " : "",
                     format_bytes(usage.peak_memory_bytes));
}

// The kernel splits CPU time by counting its ticks (4 ms and more): a split of less says nothing.
std::string describe_cpu(const bench::CommandUsage& usage) {
  constexpr double kSplitFromNs = 50e6;
  const double cpu_ns = usage.user_ns + usage.system_ns;
  if (cpu_ns < kSplitFromNs) return "CPU " + format_time(cpu_ns);
  return fmt::format("CPU {} (user {}, system {})", format_time(cpu_ns), format_time(usage.user_ns),
                     format_time(usage.system_ns));
}

std::string clock_of(const bench::TechniqueResult& t) {
  for (const std::string& label : t.labels) {
    if (label == "printed time") return "printed time";
  }
  return fmt::format("{} clock", bench::name(t.pair.clock));
}

void print_command(const report::Row& row) {
  const bench::TechniqueResult& t = *row.technique;
  fmt::print("{}: {}\n", t.name, printable(t.summary));
  if (!row.timed) {
    fmt::print("   {}: {}\n", report::name(row.state), printable(report::explain(row)));
    if (!t.last_output.empty()) {
      fmt::print("   its last output:\n");
      std::string text = printable(t.last_output, true);
      while (!text.empty() && text.back() == '\n') text.pop_back();
      for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        fmt::print("   | {}\n", text.substr(begin, end - begin));
        begin = end + 1;
      }
    }
    return;
  }
  const bool printed = clock_of(t) == "printed time";
  fmt::print("   {} {} [{}, {}]", printed ? "prints" : "wall", format_time(t.time_ns.estimate),
             format_time(t.time_ns.low), format_time(t.time_ns.high));
  if (t.usage) {
    const bench::CommandUsage& u = *t.usage;
    fmt::print("; {}; memory {}; waits {:.0f}, preemptions {:.0f}", describe_cpu(u),
               describe_memory(u), u.waits, u.preemptions);
  }
  fmt::print("\n");
}

void print_verdict(const report::Row& row, const std::string& baseline) {
  const bench::TechniqueResult& t = *row.technique;
  const Interval& ratio = t.pair.ratio;
  fmt::print("{} / {} = {} {}: ", t.name, baseline, format_ratio(ratio.estimate),
             format_ratio_interval(ratio.low, ratio.high));
  switch (row.state) {
    case report::State::kFaster:
    case report::State::kSlower:
      fmt::print("{} is {} than {}", t.name, report::name(row.state), baseline);
      break;
    case report::State::kEquivalent:
      fmt::print("{} is equivalent to {}", t.name, baseline);
      break;
    default:
      fmt::print("{}", report::name(row.state));
  }
  const std::string note = report::explain(row);
  if (!note.empty()) fmt::print(", {}", note);
  fmt::print(" ({} rounds, {}, margin {}{})\n", t.pair.rounds, clock_of(t),
             format_percent(t.margin), t.pair.contended ? ", contended" : "");
}

void print_all(const bench::RunRecord& run, const command::CommandLab& lab) {
  const report::Model model = report::build_model(run);
  const report::CaseView& view = model.labs.at(0).cases.at(0);
  const std::string& baseline = view.result->baseline;
  double start_ns = 0.0, shell_ns = 0.0;
  for (const report::Row& row : view.rows) {
    print_command(row);
    if (!row.technique->usage || clock_of(*row.technique) == "printed time") continue;
    (row.technique->usage->shell ? shell_ns : start_ns) = row.technique->usage->start_ns;
  }
  for (const report::Row& row : view.rows) {
    if (row.timed && row.technique->name != baseline) print_verdict(row, baseline);
  }
  const OutputCheck& check = lab.rules.check;
  fmt::print("Checked: {}{}.\n", lab.rules.ignore_exit ? "no signal" : "exit status 0",
             check.of == OutputCheck::Of::kNothing
                 ? "; outputs not compared (--check stdout, or --output-a and --output-b)"
                 : fmt::format(", {} of {}", command::describe(check),
                               check.of == OutputCheck::Of::kStdout ? "standard output"
                                                                    : "the output files"));
  if (start_ns > 0.0) {
    fmt::print("Starting a process that does nothing takes {}, and is in these times.\n",
               format_time(start_ns));
  }
  if (shell_ns > 0.0) {
    fmt::print("A shell that does nothing takes {}, and is in these times.\n",
               format_time(shell_ns));
  }
}

int exit_code(const bench::CaseResult& result, bool fail_if_slower) {
  int code = kExitOk;
  for (const bench::TechniqueResult& t : result.techniques) {
    if (t.outcome != bench::Outcome::kOk && t.outcome != bench::Outcome::kNoisy) return kExitWrong;
    if (!fail_if_slower || t.name == result.baseline) continue;
    if (t.pair.verdict == bench::Verdict::kSlower) {
      code = kExitRegression;
    } else if (t.pair.verdict == bench::Verdict::kInconclusive && code == kExitOk) {
      code = kExitInconclusive;
    }
  }
  return code;
}

}  // namespace

int cmd_bench_compare(const CompareOptions& options) {
  if (!options.build_a.empty() || !options.build_b.empty()) return compare_builds(options);
  const auto lab = lab_of(options);
  bench::RunOptions run = options.run;
  if (run.budget_s == 0.0) run.budget_s = 10.0;
  run.command_labs = {lab};
  run.targets = {lab->chapter + ":" + lab->name};
  run.profile = "none";
  const TemporaryFolder temporary;
  if (options.run.out.empty()) run.out = temporary.path() + "/run";
  bench::RunSummary summary;
  {
    Progress bar;
    bench::RunProgress progress;
    if (isatty(2) != 0) {
      progress.step = [&](std::size_t done, std::size_t all, const std::string& now) {
        bar.show(done, all, now);
      };
    }
    progress.note = [&](const std::string& line) { bar.note("note: " + printable(line)); };
    summary = bench::run_benchmarks(run, progress);
  }
  if (summary.interrupted) {
    fmt::print(stderr, "Interrupted: nothing is known.\n");
    return 130;
  }
  const bench::RunRecord record = bench::read_run(summary.folder);
  if (options.json) {
    fmt::print("{}\n", bench::to_json(record.results.at(0)).dump(1));
  } else {
    print_all(record, *lab);
  }
  if (!options.run.out.empty()) {
    bench::write_file_atomically(summary.folder + "/report.html", report::render_html(record));
    if (!options.json) fmt::print("report: {}/report.html\n", summary.folder);
  }
  return exit_code(record.results.at(0), options.fail_if_slower);
}

}  // namespace aisp::app
