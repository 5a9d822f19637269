// `aisp doctor`. See cmd_doctor.h.
#include "app/cmd_doctor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/cmd_bench.h"
#include "app/doctor_fleet.h"
#include "app/doctor_text.h"
#include "base/error.h"
#include "base/nearest.h"
#include "doctor/inside.h"
#include "report/doctor_page.h"

namespace aisp::app {
namespace {

using doctor::Verdict;

void show_progress(std::size_t done, std::size_t all, const std::string& now) {
  fmt::print(stderr, "\r\x1b[Kexamining {} of {}  {}", done, all, now);
  if (done == all) fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

const doctor::Item& item_named(const std::string& id) {
  if (const doctor::Item* const item = doctor::find_item(id)) return *item;
  std::vector<std::string> ids;
  for (const auto& item : doctor::checklist()) ids.push_back(item.id);
  const std::string close = nearest(id, ids);
  throw UsageError("no such item", id,
                   close.empty() ? "aisp doctor lists all" : "did you mean " + close + "?");
}

void write_out(const std::string& text, const std::string& path) {
  if (path.empty() || path == "-") {
    fmt::print("{}", text);
    return;
  }
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) throw Error("cannot be written", path, "name another file");
}

// What the user names must be there, and mounts are found by absolute paths.
void check_subject(doctor::Subject& subject) {
  if (subject.pid != 0 && !std::filesystem::exists(fmt::format("/proc/{}", subject.pid))) {
    throw UsageError("no such process", fmt::format("--pid {}", subject.pid), "see ps");
  }
  const std::pair<const char*, std::string*> named[] = {
      {"--data", &subject.data},     {"--checkpoints", &subject.checkpoints},
      {"--run", &subject.run},       {"--build", &subject.build},
      {"--source", &subject.source}, {"--model", &subject.model}};
  for (const auto& [option, path] : named) {
    if (path->empty()) continue;
    std::error_code error;
    if (!std::filesystem::exists(*path, error)) {
      throw UsageError(error ? error.message() : "not there", fmt::format("{} {}", option, *path),
                       "name a file or folder that exists");
    }
    *path = std::filesystem::absolute(*path).lexically_normal().string();
  }
}

int exit_code(const DoctorOptions& options, const doctor::Examination& examination) {
  if (!options.strict) return kExitOk;
  for (const auto& row : examination.rows) {
    const Verdict verdict = row.finding.verdict;
    if (verdict == Verdict::kWarn || verdict == Verdict::kFail) return kExitRegression;
  }
  return kExitOk;
}

}  // namespace

int cmd_doctor(const DoctorOptions& options) {
  if (!options.compare.empty()) {
    return cmd_doctor_compare(options.compare, options.json, options.strict);
  }
  if (!options.fleet.empty()) {
    return cmd_doctor_fleet(options.fleet, options.collect, options.json, options.strict);
  }
  if (!options.serve.empty()) {
    doctor::ServeOptions serve;
    serve.every_s = options.every_s;
    serve.examine = options.examine;
    return cmd_doctor_serve(options.serve, serve);
  }
  if (wanted(options.prove)) {
    ProveCommand prove = options.prove;
    prove.out = options.out;
    prove.json = options.json;
    if (!options.examine.subject.data.empty()) prove.options.scratch = options.examine.subject.data;
    return cmd_doctor_prove(prove);
  }
  if (wanted(options.apply)) {
    ApplyCommand apply = options.apply;
    apply.options.out = options.out;
    apply.options.prove = options.prove.options;
    apply.options.command = options.prove.command;
    return cmd_doctor_apply(apply, options.examine);
  }
  doctor::ExamineOptions how = options.examine;
  if (how.tree.empty()) check_subject(how.subject);
  if (!options.explain.empty()) how.items = {item_named(options.explain).id};
  if (how.inside && how.items.empty()) how.items = doctor::inside_items();
  if (isatty(STDERR_FILENO) != 0) how.progress = show_progress;
  const doctor::Examination found = doctor::examine(how);
  std::string text;
  if (options.json) {
    text = to_json(found).dump(2, ' ', false, doctor::Json::error_handler_t::replace) + "\n";
  } else if (options.html) {
    text = report::doctor_html(to_json(found));
  } else if (options.markdown) {
    text = report::doctor_markdown(to_json(found));
  } else if (!options.explain.empty()) {
    text = doctor_explanation(found.rows.front());
  } else {
    text = doctor_text(found, options.all);
  }
  write_out(text, options.out);
  return exit_code(options, found);
}

void add_doctor(CLI::App& root, DoctorOptions& o, int* code) {
  CLI::App* app =
      root.add_subcommand("doctor", "What about this machine's set-up costs something, and why");
  app->add_option("--section", o.examine.sections, "Only these sections (names or globs)")
      ->delimiter(',');
  app->add_option("--item", o.examine.items, "Only these items (ids or globs)")->delimiter(',');
  app->add_flag("--inside", o.examine.inside,
                "What this container was granted, and the items that depend on it");
  app->add_flag("--measure", o.examine.measure, "Make the short measurements too");
  app->add_option("--explain", o.explain, "Everything about one item: evidence, cost, remedy");
  app->add_flag("--all", o.all, "Also the evidence of what is in order");
  app->add_flag("--strict", o.strict, "Exit 1 when anything warns or fails");
  app->add_flag("--json", o.json, "As JSON");
  app->add_flag("--md", o.markdown, "As Markdown");
  app->add_flag("--html", o.html, "As a page");
  app->add_option("--compare", o.compare, "What differs between these documents of --json")
      ->expected(2, 10000);
  app->add_option("--fleet", o.fleet, "A list of hosts to examine, or a folder of documents");
  app->add_option("--launcher", o.collect.launcher,
                  "How to start a process on a host; {} is the host (mpirun --host {} -n 1)");
  app->add_option("--collect-in", o.collect.folder, "Folder for the fleet's documents");
  app->add_option("--serve", o.serve, "Serve the verdicts for Prometheus at [address]:port");
  app->add_option("--every", o.every_s, "Seconds between examinations when serving")
      ->check(CLI::Range(1.0, 86400.0));
  app->add_option("--out", o.out, "File instead of standard output");
  app->add_option("--tree", o.examine.tree, "A recorded tree instead of this machine");
  app->add_option("--record", o.examine.record_to, "Keep all that was read in this fresh folder");
  app->add_option("--window", o.examine.window_s, "Seconds over which counters must not grow")
      ->check(CLI::Range(0.0, 3600.0));
  doctor::Subject& s = o.examine.subject;
  app->add_option("--pid", s.pid, "The process whose settings count")->check(CLI::PositiveNumber);
  app->add_option("--data", s.data, "Dataset folder");
  app->add_option("--checkpoints", s.checkpoints, "Checkpoint folder");
  app->add_option("--run", s.run, "Run folder whose records are looked at");
  app->add_option("--build", s.build, "Build folder of the program that is tuned");
  app->add_option("--source", s.source, "Source tree under version control");
  app->add_option("--model", s.model, "Model file or folder");
  app->add_option("--metrics", s.metrics, "URL of a server's metrics");
  app->add_option("--command", s.command,
                  "A step of the work, as a command; measurements sweep {batch=32|64|128} in it");
  app->add_option("--trace", s.trace, "A profile: Chrome trace (PyTorch profiler), or a folder");
  app->add_option("--reference", s.reference, "What --data or --outputs are compared with");
  app->add_option("--outputs", s.outputs, "Outputs of the model now (.npy or text numbers)");
  app->add_option("--price-per-hour", s.price_per_hour, "What the machine costs in an hour")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--metadata", s.metadata, "May ask the cloud's link-local metadata service");
  add_prove_options(app, o.prove);
  add_apply_options(app, o.apply);
  app->callback([&o, code] { *code = cmd_doctor(o); });
  root.add_subcommand("prove-worker", "")->group("")->callback([code] {
    *code = doctor::prove_worker_main();
  });
}

}  // namespace aisp::app
