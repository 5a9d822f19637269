// See cmd_load.h.
#include "app/cmd_load.h"

#include <fmt/format.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/load_engine.h"
#include "app/load_sides.h"
#include "app/load_text.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "bench/json_interval.h"
#include "bench/run.h"
#include "bench/supervisor.h"
#include "load/compare.h"
#include "load/record.h"
#include "load/sweep.h"
#include "machine/environment.h"
#include "report/load_page.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

double thread_cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// One command: its settings, its record, and what the generator itself cost.
class LoadRun {
 public:
  explicit LoadRun(const LoadCommand& options) : o_(options) {
    rules_ = {
        .slo = load::parse_slo(o_.slo), .level = o_.level, .late_limit_s = o_.late_limit_ms * 1e-3};
    if (!o_.trace.empty()) {
      trace_ = std::make_shared<const RequestTrace>(read_request_trace(o_.trace));
    }
    if (o_.turns > 1) prompts_ = "words";  // a server does not tell the ids of what it said
    check_load_options(o_, rules_.slo);
  }

  int run();

 private:
  load::WorkloadOptions workload(const LoadSide& side, std::uint64_t block) const;
  double offered_rate() const;  // 0 in a closed loop
  load::DrivePlan plan() const;
  load::DriveResult drive(LoadSide& side, const load::WorkloadOptions& asked,
                          const load::DrivePlan& plan);
  int single();
  int sweep();
  int compare();
  void keep(const char* side, double rate, const load::Summary& summary,
            const load::DriveResult& result);
  std::string shape() const;
  std::string own_cost() const;
  std::string messages();
  void write_record();
  void say(const std::string& text) const {
    if (o_.json != "-") fmt::print("{}", text);
  }

  const LoadCommand& o_;
  load::SummaryRules rules_;
  std::shared_ptr<const RequestTrace> trace_;
  std::string prompts_ = o_.prompts;
  std::vector<LoadSide> sides_;
  Json record_, runs_ = Json::array();
  double cpu_s_ = 0.0, wall_s_ = 0.0;
};

double LoadRun::offered_rate() const {
  return trace_ ? load::mean_rate(*trace_) * o_.scale_rate : o_.rate;
}

load::WorkloadOptions LoadRun::workload(const LoadSide& side, std::uint64_t block) const {
  load::WorkloadOptions asked;
  asked.gaps.kind = o_.constant ? load::Gaps::Kind::kConstant : load::Gaps::Kind::kGamma;
  asked.gaps.shape = o_.burst;
  asked.gaps.rate = std::max(offered_rate(), 1e-6);
  asked.prompt = load::parse_lengths(o_.prompt_tokens, "--prompt-tokens");
  asked.answer = load::parse_lengths(o_.answer_tokens, "--answer-tokens");
  parse_shared_prefix(o_.shared_prefix, asked);
  asked.turns = o_.turns;
  asked.think_s = o_.think_s;
  asked.seed = block == 0 ? o_.seed : derive_seed(o_.seed, block);
  asked.shared_seed = o_.seed;
  asked.words = side.words;
  asked.trace = trace_;
  asked.scale_lengths = o_.scale_lengths;
  return asked;
}

load::DrivePlan LoadRun::plan() const {
  load::DrivePlan plan;
  plan.duration_s = o_.duration_s;
  if (plan.duration_s == 0.0 && o_.requests == 0 && !trace_) plan.duration_s = 30.0;
  plan.warmup_s = o_.warmup_s >= 0.0 ? o_.warmup_s : std::min(10.0, 0.1 * plan.duration_s);
  plan.requests = o_.requests;
  plan.users = o_.concurrency;
  plan.tail_s = o_.tail_s;
  plan.timeout_s = o_.timeout_s;
  plan.stop = bench::interrupted;
  return plan;
}

load::DriveResult LoadRun::drive(LoadSide& side, const load::WorkloadOptions& asked,
                                 const load::DrivePlan& wanted) {
  load::DrivePlan plan = wanted;
  std::optional<Progress> progress;
  if (isatty(STDERR_FILENO) != 0 && plan.duration_s > 0.0) {
    progress.emplace();
    plan.progress = [&](double now_s, int sent, int open) {
      const double all_s = plan.warmup_s + plan.duration_s;
      progress->show(static_cast<std::size_t>(std::min(now_s, all_s) * 10),
                     static_cast<std::size_t>(all_s * 10),
                     fmt::format("{} sent, {} open", sent, open));
    };
  }
  load::Workload workload(asked);
  const double cpu_s = thread_cpu_s(), begin_s = side.target().now_s();
  load::DriveResult result = load::drive(side.target(), workload, plan);
  cpu_s_ += thread_cpu_s() - cpu_s;
  wall_s_ += side.target().now_s() - begin_s;
  return result;
}

std::string LoadRun::shape() const {
  const load::DrivePlan timing = plan();
  std::string text;
  if (o_.concurrency > 0) {
    text = fmt::format("closed loop: {} users, each waits for its answer", o_.concurrency);
  } else if (trace_) {
    text = fmt::format("open loop: {} ({}), {:.3g} a second, lengths times {:g}", o_.trace,
                       name_of(trace_->format), offered_rate(), o_.scale_lengths);
  } else {
    text = fmt::format("open loop: {} arrivals, {:g} a second",
                       o_.constant       ? "evenly spaced"
                       : o_.burst == 1.0 ? "Poisson"
                                         : fmt::format("Gamma (shape {:g})", o_.burst),
                       o_.rate);
  }
  if (!trace_) {
    text += fmt::format("; prompts {}, answers {} tokens", o_.prompt_tokens, o_.answer_tokens);
    if (!o_.shared_prefix.empty()) text += "; shared prefix " + o_.shared_prefix;
    if (o_.turns > 1) text += fmt::format("; conversations of {} turns", o_.turns);
  }
  if (timing.warmup_s > 0.0) text += fmt::format("; warm-up {:g} s", timing.warmup_s);
  if (timing.duration_s > 0.0) text += fmt::format("; measured {:g} s", timing.duration_s);
  if (timing.requests > 0) text += fmt::format("; {} requests", timing.requests);
  return printable(text) + "\n";
}

std::string LoadRun::own_cost() const {
  return fmt::format("the generator took {} of a CPU{}\n",
                     format_percent(cpu_s_ / std::max(wall_s_, 1e-9)),
                     o_.pin >= 0 ? fmt::format(", pinned to CPU {}", o_.pin) : "");
}

// What servers said when they failed, the first of each kind.
std::string LoadRun::messages() {
  std::string text;
  Json list = Json::array();
  for (LoadSide& side : sides_) {
    for (const std::string& line : side.take_messages()) {
      text += fmt::format("{}: {}\n", side.name, line);
      list.push_back(side.name + ": " + line);
    }
  }
  record_["messages"] = list;
  return text;
}

void LoadRun::keep(const char* side, double rate, const load::Summary& summary,
                   const load::DriveResult& result) {
  runs_.push_back({{"side", side},
                   {"rate", rate},
                   {"summary", load::to_json(summary, rules_)},
                   {"series", load::series_of(result, rules_)}});
}

int LoadRun::single() {
  LoadSide& side = sides_[0];
  const auto before = side.histograms();
  const load::WorkloadOptions asked = workload(side, 0);
  const load::DriveResult result = drive(side, asked, plan());
  const auto stages = load::stages_between(before, side.histograms());
  const load::Summary summary = load::summarize(result, rules_);
  keep("A", offered_rate(), summary, result);
  Json list = Json::array();
  for (const load::Stage& stage : stages) {
    list.push_back({{"name", printable(stage.name)},
                    {"count", stage.count},
                    {"mean_s", stage.mean_s},
                    {"p50_s", bench::number_to_json(stage.p50_s)},
                    {"p99_s", bench::number_to_json(stage.p99_s)}});
  }
  record_["stages"] = list;
  say(load_table(summary, rules_) + own_cost() + stages_table(stages) + messages());
  if (summary.interrupted) return 130;
  if (!o_.goodput) return 0;
  const bool met = summary.on_time && summary.good_share.low >= o_.good_share;
  say(fmt::format("goodput {}: {} of the requests had to be good\n", met ? "reached" : "NOT SHOWN",
                  format_percent(o_.good_share)));
  return met ? 0 : 1;
}

int LoadRun::sweep() {
  LoadSide& side = sides_[0];
  load::WorkloadOptions asked = workload(side, 0);
  load::SweepRules search{.first_rate = asked.gaps.rate, .good_share = o_.good_share};
  search.level = o_.level;
  load::Sweep sweep(search);
  bool on_time = true;
  for (std::uint64_t block = 1; const auto rate = sweep.next(); ++block) {
    asked.gaps.rate = *rate;
    asked.seed = derive_seed(o_.seed, block);
    const load::DriveResult result = drive(side, asked, plan());
    if (result.interrupted) break;
    std::vector<double> at_s;
    std::vector<char> good;
    std::vector<const load::Sample*> measured;
    for (const load::Sample& sample : result.samples) {
      if (sample.measured) measured.push_back(&sample);
    }
    std::ranges::stable_sort(measured, {}, [](const load::Sample* one) { return one->due_s; });
    for (const load::Sample* sample : measured) {
      at_s.push_back(sample->due_s);
      good.push_back(load::is_good(*sample, rules_.slo));
    }
    sweep.add(at_s, good);
    const load::Summary summary = load::summarize(result, rules_);
    on_time = on_time && summary.on_time;
    keep("A", *rate, summary, result);
    runs_.back()["verdict"] = name_of(sweep.steps().back().verdict);
    say(sweep_line(sweep.steps().back(), summary));
  }
  const auto or_null = [](std::optional<double> rate) { return rate ? Json(*rate) : Json(); };
  record_["sweep"] = {{"good_share", o_.good_share},
                      {"met", or_null(sweep.met())},
                      {"missed", or_null(sweep.missed())},
                      {"not_met", or_null(sweep.not_met())},
                      {"on_time", on_time}};
  say(messages() + own_cost());
  if (bench::interrupted()) return 130;
  if (!on_time) {
    say("NO VERDICT: the generator was late in one of the steps\n");
    return 1;
  }
  say(sweep_result(sweep, o_.good_share));
  return 0;
}

int LoadRun::compare() {
  load::DrivePlan block = plan();
  block.duration_s = std::max(1.0, block.duration_s / (2.0 * o_.pairs));
  block.warmup_s = o_.warmup_s >= 0.0 ? o_.warmup_s : 0.1 * block.duration_s;
  block.tail_s = 0.0;  // the other side's turn begins when all is answered
  std::vector<load::Summary> summaries[2];
  std::vector<load::DriveResult> blocks[2];
  for (int pair = 0; pair < o_.pairs && !bench::interrupted(); ++pair) {
    for (int turn = 0; turn < 2 && !bench::interrupted(); ++turn) {
      const int side = (pair + turn) % 2;  // A B B A
      const auto at = static_cast<std::size_t>(side);
      auto asked = workload(sides_[at], static_cast<std::uint64_t>(pair) + 1);
      if (trace_) {
        asked.trace_from_s =
            load::trace_part_s(*trace_, asked.gaps.rate, block.warmup_s + block.duration_s, pair);
      }
      blocks[side].push_back(drive(sides_[at], asked, block));
      summaries[side].push_back(load::summarize(blocks[side].back(), rules_));
    }
  }
  bool on_time = true;
  for (int side = 0; side < 2; ++side) {
    const load::DriveResult all = load::joined(blocks[side]);
    const load::Summary summary = load::summarize(all, rules_);
    on_time = on_time && summary.on_time;
    keep(side == 0 ? "A" : "B", offered_rate(), summary, all);
    say(fmt::format("{}: {}\n", side == 0 ? "A" : "B",
                    sides_[static_cast<std::size_t>(side)].name));
    say(load_table(summary, rules_) + "\n");
  }
  if (bench::interrupted()) return 130;
  const auto rows = load::compare(summaries[0], summaries[1], o_.margin, o_.level);
  Json list = Json::array();
  for (const load::ComparedRow& row : rows) {
    list.push_back({{"name", row.name},
                    {"ratio", bench::interval_to_json(row.ratio)},
                    {"verdict", bench::name(row.verdict)},
                    {"pairs", row.pairs}});
  }
  record_["comparison"] = {{"rows", list}, {"margin", o_.margin}, {"on_time", on_time}};
  say(messages() + own_cost());
  if (!on_time) {
    say("NO VERDICT: the generator was late\n");
    return 1;
  }
  say("\n" + comparison_table(rows, o_.margin));
  return 0;
}

void LoadRun::write_record() {
  record_["generator"] = {{"cpu_share", cpu_s_ / std::max(wall_s_, 1e-9)},
                          {"pinned", o_.pin >= 0 ? Json(o_.pin) : Json()}};
  record_["runs"] = runs_;
  const auto write = [](const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw Error("cannot be written", path, "choose another place");
  };
  const std::string text = record_.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (o_.json == "-") fmt::print("{}", text);
  if (!o_.json.empty() && o_.json != "-") write(o_.json, text);
  if (!o_.html.empty()) write(o_.html, report::load_html(record_));
}

int LoadRun::run() {
  bench::catch_interrupts();
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  char when[32];
  tm parts{};
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
  record_ = {{"schema", "aisp.load"},
             {"schema_version", 1},
             {"kind", o_.sweep             ? "sweep"
                      : o_.compare.empty() ? "run"
                                           : "comparison"},
             {"when", when},
             {"build", bench::build_info()},
             {"hardware_key", machine::hardware_key(machine::cpu())},
             {"command", o_.command},
             {"load", shape()}};
  sides_ = open_load_sides(o_, prompts_);
  Json sides = Json::array();
  for (const LoadSide& side : sides_) {
    sides.push_back({{"name", side.name}, {"says", side.says}});
    say(fmt::format("{}: {}\n", side.name, side.says));
  }
  record_["sides"] = sides;
  say(shape());
  if (o_.pin >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(o_.pin), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
      throw Error("this process may not run there", fmt::format("CPU {}", o_.pin),
                  "choose another for --pin");
    }
  }
  const int code = o_.sweep ? sweep() : o_.compare.empty() ? single() : compare();
  write_record();
  return code;
}

}  // namespace

int cmd_load(const LoadCommand& options) { return LoadRun(options).run(); }

}  // namespace aisp::app
