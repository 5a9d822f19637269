// See cmd_occupancy.h.
#include "app/cmd_occupancy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/cmd_bench.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "base/units.h"
#include "bench/lab_table.h"
#include "report/html.h"

namespace aisp::app {
namespace {

using bench::Json;
using tune::Tunable;

std::vector<const Tunable*> chosen(const std::vector<std::string>& wanted) {
  std::vector<const Tunable*> kernels;
  std::vector<std::string> names;
  for (const Tunable& one : tune::tunables()) {
    names.push_back(one.name);
    const bool meant =
        wanted.empty() || std::find(wanted.begin(), wanted.end(), one.name) != wanted.end();
    if (meant) kernels.push_back(&one);
  }
  for (const std::string& name : wanted) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string close = nearest(name, names);
    throw UsageError("no kernel is called " + name, "--kernels",
                     close.empty() ? "--list shows them" : "did you mean " + close + "?");
  }
  return kernels;
}

// "threads 64..1024, unroll 1..4"
std::string ranges_of(const Tunable& kernel) {
  std::string text;
  for (std::size_t k = 0; k < kernel.points.front().knobs.size(); ++k) {
    int least = kernel.points.front().knobs[k].second, most = least;
    for (const tune::Point& point : kernel.points) {
      least = std::min(least, point.knobs[k].second);
      most = std::max(most, point.knobs[k].second);
    }
    text += fmt::format("{}{} {}..{}", text.empty() ? "" : ", ",
                        kernel.points.front().knobs[k].first, least, most);
  }
  return text;
}

void print_list(const std::vector<const Tunable*>& kernels) {
  for (const Tunable* one : kernels) {
    fmt::print("{:<9} {}\n          {} points: {}; {} {}\n", one->name, one->summary,
               one->points.size(), ranges_of(*one), one->lab, one->case_name);
    const std::string why = tune::why_not_here(*one);
    if (!why.empty()) fmt::print("          not here: {}\n", why);
  }
}

Json list_json(const std::vector<const Tunable*>& kernels) {
  Json all = Json::array();
  for (const Tunable* one : kernels) {
    all.push_back({{"kernel", one->name},
                   {"lab", one->lab},
                   {"case", one->case_name},
                   {"not_here", tune::why_not_here(*one)},
                   {"points", Json::array()}});
  }
  return all;
}

void print_json(const Json& kernels) {
  fmt::print("{}\n",
             Json{{"schema", "aisp.occupancy"}, {"schema_version", 1}, {"kernels", kernels}}.dump(
                 2, ' ', false, Json::error_handler_t::replace));
}

Json to_json(const Tunable& kernel, const std::vector<Score>& scores) {
  Json points = Json::array();
  for (const Score& one : scores) {
    Json knobs = Json::object();
    for (const auto& [knob, value] : one.knobs) knobs[knob] = value;
    const auto number = [](double value) {
      return std::isfinite(value) ? Json(value) : Json(nullptr);
    };
    points.push_back(
        {{"point", one.point},
         {"knobs", knobs},
         {"shipped", one.shipped},
         {"registers", one.occupancy.registers},
         {"shared_bytes", one.occupancy.shared_bytes},
         {"local_bytes", one.occupancy.local_bytes},
         {"blocks", one.occupancy.blocks},
         {"occupancy", one.occupancy.share},
         {"time_ns", number(one.time_ns)},
         {"of_best", number(one.of_best)},
         {"speedup",
          {number(one.speedup.estimate), number(one.speedup.low), number(one.speedup.high)}},
         {"verdict", one.verdict}});
  }
  return {
      {"kernel", kernel.name}, {"lab", kernel.lab}, {"case", kernel.case_name}, {"points", points}};
}

const bench::Params& params_of(const bench::Lab& lab, const std::string& size) {
  return size == "smoke" ? lab.cases.front().smoke : lab.cases.front().full;
}

std::vector<tune::Occupancy> ask_occupancy(const Tunable& kernel, const std::string& size) {
  std::vector<tune::Occupancy> all;
  for (const bench::LabEntry& entry : tune::labs()) {
    if (kernel.name != entry.name) continue;
    const bench::Lab lab = entry.describe();
    for (const tune::Point& point : kernel.points) {
      all.push_back(point.occupancy(params_of(lab, size)));
    }
  }
  return all;
}

bench::RunSummary measure(const OccupancyOptions& options,
                          const std::vector<const Tunable*>& kernels) {
  bench::provide_labs(tune::labs());
  bench::RunOptions run;
  for (const Tunable* one : kernels) run.targets.push_back("tune:" + one->name);
  run.device = "cuda";
  run.size = options.size;
  run.budget_s = options.budget_s;
  run.out = options.out;
  run.processes = 1;
  run.precision = 0.0;  // until each verdict: many points, little time
  run.command = {"aisp", "tools", "occupancy-tuning"};
  Progress bar;
  bench::RunProgress progress;
  progress.step = [&](std::size_t done, std::size_t all, const std::string& now) {
    bar.show(done, all, now);
  };
  progress.note = [&](const std::string& line) { bar.note(line); };
  return bench::run_benchmarks(run, progress);
}

}  // namespace

int cmd_occupancy(const OccupancyOptions& options) {
  std::vector<const Tunable*> kernels = chosen(options.kernels);
  std::vector<const Tunable*> able;
  for (const Tunable* one : kernels) {
    if (tune::why_not_here(*one).empty()) able.push_back(one);
  }
  if (options.list || able.empty()) {
    if (options.json) {
      print_json(list_json(kernels));
    } else {
      print_list(kernels);
    }
    return kExitOk;
  }
  const bench::RunSummary summary = measure(options, able);
  const bench::RunRecord run = bench::read_run(summary.folder);
  Json all = Json::array();
  for (const bench::CaseResult& result : run.results) {
    for (const Tunable* one : able) {
      if (result.lab != "tune:" + one->name) continue;
      const auto scores = scores_of(*one, result, ask_occupancy(*one, options.size));
      if (options.json) {
        all.push_back(to_json(*one, scores));
      } else {
        fmt::print("{}", render_scores(*one, scores));
      }
    }
  }
  if (options.json) {
    print_json(all);
    return summary.wrong + summary.impossible + summary.failed > 0 ? kExitWrong : kExitOk;
  }
  bench::write_file_atomically(summary.folder + "/report.html", report::render_html(run));
  fmt::print("\nreport: {}/report.html\n", summary.folder);
  return summary.wrong + summary.impossible + summary.failed > 0 ? kExitWrong : kExitOk;
}

void add_occupancy(CLI::App* tools, OccupancyOptions& options, int* code) {
  CLI::App* occupancy = tools->add_subcommand(
      "occupancy-tuning",
      "Block sizes, registers, shared memory and unrolling of device kernels, measured");
  occupancy->add_option("--kernels", options.kernels, "Names; all when absent")->delimiter(',');
  occupancy->add_option("--size", options.size, "smoke or full")
      ->check(CLI::IsMember({"smoke", "full"}));
  occupancy->add_option("--budget", options.budget_s, "Seconds for all kernels together")
      ->check(CLI::PositiveNumber);
  occupancy->add_option("--out", options.out, "Folder of the record");
  occupancy->add_flag("--list", options.list, "Only list the kernels and their points");
  occupancy->add_flag("--json", options.json, "As JSON");
  occupancy->callback([&options, code] { *code = cmd_occupancy(options); });
}

}  // namespace aisp::app
