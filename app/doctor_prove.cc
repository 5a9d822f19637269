// See doctor_prove.h.
#include "app/doctor_prove.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <unistd.h>

#include <cstdio>

#include "app/cmd_bench.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "base/units.h"
#include "bench/supervisor.h"

namespace aisp::app {
namespace {

using doctor::Proof;
using doctor::Proved;

std::vector<const Proof*> chosen(const std::vector<std::string>& patterns) {
  std::vector<const Proof*> all;
  std::vector<std::string> ids;
  for (const Proof& one : doctor::proofs()) ids.push_back(one.id);
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (const Proof& one : doctor::proofs()) {
      const bool fits = pattern == "all" || fnmatch(pattern.c_str(), one.id.c_str(), 0) == 0;
      if (fits) all.push_back(&one);
      any |= fits;
    }
    if (any) continue;
    const std::string close = nearest(pattern, ids);
    throw UsageError("no item of this name has a proof", pattern,
                     close.empty() ? "aisp doctor --proofs lists them"
                                   : "did you mean " + close + "? (--proofs lists them)");
  }
  return all;
}

void print_list() {
  for (const Proof& one : doctor::proofs()) {
    const std::string why_not = one.needs != nullptr ? one.needs() : "";
    fmt::print("{:26} {}\n", one.id, one.question);
    if (!why_not.empty()) fmt::print("{:26}   not here: {}\n", "", printable(why_not));
  }
}

std::string side_line(const bench::TechniqueResult& side, double work, const std::string& unit) {
  return fmt::format("{:>10} for {:.4g} {}: {}", format_time(side.time_ns.estimate), work, unit,
                     side.summary);
}

void print_one(const Proved& one) {
  fmt::print("{}\n  {}\n", one.proof->id, one.proof->question);
  if (!one.why_not.empty()) {
    fmt::print("  not here: {}\n", printable(one.why_not));
    return;
  }
  if (one.word != "failed") {
    fmt::print("  as it is     {}\n",
               printable(side_line(one.row.techniques[0], one.work, one.unit_a)));
    fmt::print("  with remedy  {}\n",
               printable(side_line(one.row.techniques[1], one.work, one.unit_b)));
  }
  fmt::print("  {}{}\n", one.word == "failed" ? "failed: " : "", printable(one.says));
}

bench::Json as_json(const Proved& one) {
  bench::Json json = {{"id", one.proof->id},
                      {"question", one.proof->question},
                      {"verdict", one.word},
                      {"says", one.says}};
  if (one.why_not.empty()) json["result"] = to_json(one.row);
  return json;
}

}  // namespace

void add_prove_options(CLI::App* app, ProveCommand& c) {
  app->add_option("--prove", c.ids, "Try the remedies of these items here (ids, globs or all)")
      ->delimiter(',');
  app->add_flag("--proofs", c.list, "List the items whose remedies can be tried, and where not");
  app->add_option("--prove-budget", c.options.budget_s, "Seconds of timing for one proof")
      ->check(CLI::Range(0.1, 3600.0));
  app->add_option("--prove-processes", c.options.processes, "Pairs of processes for one proof")
      ->check(CLI::Range(1, 64));
}

int cmd_doctor_prove(const ProveCommand& command) {
  if (command.list) {
    print_list();
    return kExitOk;
  }
  bench::catch_interrupts();
  std::vector<Proved> all;
  bool failed = false;
  bench::Json rows = bench::Json::array();
  for (const Proof* const proof : chosen(command.ids)) {
    if (isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\x1b[Ktrying {}\r", proof->id);
    try {
      all.push_back(doctor::prove(*proof, command.options));
    } catch (const Error&) {
      if (!bench::interrupted()) throw;
      break;
    }
    failed |= all.back().word == "failed";
    if (command.json) {
      rows.push_back(as_json(all.back()));
    } else {
      print_one(all.back());
      std::fflush(stdout);
    }
  }
  const std::string folder = doctor::record_proofs(all, command.out, command.command);
  if (command.json) {
    fmt::print("{}\n", rows.dump(1, ' ', false, bench::Json::error_handler_t::replace));
  } else if (!folder.empty()) {
    fmt::print("record: {} (aisp report {})\n", folder, folder);
  }
  if (bench::interrupted()) return 130;
  return failed ? kExitWrong : kExitOk;
}

}  // namespace aisp::app
