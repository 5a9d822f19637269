// Pairing commands. See pairs.h.
#include "bench/command/pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/rng.h"
#include "base/units.h"
#include "bench/clock.h"
#include "bench/command/one_run.h"

namespace aisp::bench::command {
namespace {

constexpr std::size_t kMostRounds = 4000;  // as in trials of functions
constexpr double kCheckShare = 0.3;        // of the time, as in trials of functions
constexpr double kShortInStarts = 5.0;     // below this many process starts the ratio is theirs

double now_s() { return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC)) * 1e-9; }

class Pairs {
 public:
  Pairs(const CommandLab& lab, const PairsJob& job)
      : rules_(lab.rules),
        job_(job),
        runner_(lab.rules,
                lab.rules.time_limit_s > 0.0 ? lab.rules.time_limit_s : job.time_limit_s),
        rng_(job.seed),
        begin_s_(now_s()) {
    const CommandCase& commands = lab.at(job.case_name, job.size);
    for (const std::string& name : job.techniques) {
      Side side;
      side.name = name;
      side.baseline = sides_.empty();
      sides_.push_back(std::move(side));
      const auto why = runner_.make_ready(sides_.back(), commands.commands.at(name));
      if (why) fall(sides_.back(), *why);
    }
  }

  JobOutcome run() {
    for (int i = 0; i < std::max(1, rules_.warmup) && going(); ++i) {
      for (Side& side : sides_) first_run(side, i == 0);
    }
    if (going()) {
      choose_clock();
      measure();
      finish();
    }
    outcome_.interrupted = interrupted();
    return std::move(outcome_);
  }

 private:
  bool going() const { return !interrupted() && !sides_.empty() && !sides_[0].out; }

  void fall(Side& side, const Fall& why) {
    side.out = true;
    outcome_.events.push_back({side.name, why.outcome, why.detector, why.reason, why.tail});
  }

  // Nothing when the side fell, or when all ends.
  std::optional<OneRun> run_once(Side& side, bool check_file) {
    const Printed printed =
        clock_ ? (*clock_ == ClockRule::kPrinted ? Printed::kNeeded : Printed::kIgnored)
        : rules_.time == TimeSource::kPrinted ? Printed::kNeeded
        : rules_.time == TimeSource::kAuto    ? Printed::kIfThere
                                              : Printed::kIgnored;
    OneRun run = runner_.run(side, check_file, printed);
    if (run.fall) fall(side, *run.fall);
    if (run.fall || interrupted()) return std::nullopt;
    return run;
  }

  void first_run(Side& side, bool first) {
    if (side.out || !going()) return;
    if (job_.on_phase) job_.on_phase(side.name, "first run");
    const auto result = run_once(side, true);
    if (!result || !first) return;
    if (result->printed) ++printing_;
  }

  void choose_clock() {
    std::size_t able = 0;
    for (const Side& side : sides_) able += side.out ? 0 : 1;
    switch (rules_.time) {
      case TimeSource::kWall:
        clock_ = ClockRule::kWall;
        break;
      case TimeSource::kCpu:
        clock_ = ClockRule::kCpu;
        break;
      case TimeSource::kPrinted:
        clock_ = ClockRule::kPrinted;
        break;
      case TimeSource::kAuto:
        clock_ = printing_ == able ? ClockRule::kPrinted : ClockRule::kObserved;
        if (printing_ > 0 && printing_ < able) {
          outcome_.notes.push_back(
              fmt::format("{} of {} commands print a time: the clocks are used", printing_, able));
        }
        break;
    }
  }

  void measure() {
    std::vector<Side*> active;
    for (Side& side : sides_) {
      if (!side.out) active.push_back(&side);
    }
    const std::size_t least = least_rounds(job_.level);
    std::size_t rounds = 0;
    // A baseline that is left alone gets a time all the same.
    const auto enough = [&] {
      const bool alone =
          std::all_of(sides_.begin() + 1, sides_.end(), [](const Side& side) { return side.out; });
      return alone ? rounds >= least : active.size() == 1;
    };
    while (rounds < kMostRounds && going() && !enough()) {
      one_round(active, rounds);
      if (!going()) break;
      ++rounds;
      const double patience = rounds < least ? 3.0 : 1.0;
      const bool out_of_time = now_s() - begin_s_ > patience * job_.budget_s;
      // Looking costs a sort: every round at first, then ever more seldom.
      const bool look = rounds >= least && rounds % std::max<std::size_t>(1, rounds / 32) == 0;
      if (look || out_of_time) {
        std::erase_if(active, [&](Side* side) {
          return side != &sides_[0] && settled(judge(*side), job_.precision);
        });
      }
      if (out_of_time) break;
    }
  }

  void one_round(std::vector<Side*>& active, std::size_t round) {
    for (std::size_t i = active.size(); i > 1; --i) std::swap(active[i - 1], active[rng_.below(i)]);
    std::vector<std::pair<Side*, Sample>> taken;
    for (Side* side : active) {
      if (job_.on_phase) job_.on_phase(side->name, fmt::format("round {}", round + 1));
      const bool check_file = round < 3 || runner_.check_s() <= kCheckShare * (now_s() - begin_s_);
      const auto result = run_once(*side, check_file);
      if (!going()) return;
      if (!result) continue;
      const bool printed = *clock_ == ClockRule::kPrinted;
      if (printed) step_ns_ = std::min(step_ns_, result->printed->step_ns);
      taken.push_back(
          {side, {printed ? result->printed->ns : result->ended.wall_ns, result->ended.cpu_ns()}});
      side->ends.push_back(result->ended);
      side->ends.back().tail.clear();
    }
    std::erase_if(active, [](const Side* side) { return side->out; });
    for (auto& [side, sample] : taken) {
      if (!side->out) side->samples.push_back(sample);
    }
  }

  double clock_step_ns() const {
    return *clock_ == ClockRule::kPrinted ? step_ns_ : PairRules{}.clock_step_ns;
  }

  PairResult judge(const Side& side) const {
    PairRules rules;
    rules.margin = job_.margin;
    rules.level = job_.level;
    rules.clock = *clock_;
    rules.clock_step_ns = clock_step_ns();
    rules.baseline_iterations = rules.technique_iterations = 1;
    const std::span baseline(sides_[0].samples);
    return judge_pairs(baseline.first(side.samples.size()), side.samples, rules);
  }

  void finish() {
    ProcessRecord process;
    process.seed = job_.seed;
    process.seconds = now_s() - begin_s_;
    for (const Side& side : sides_) {
      TechniqueFindings& findings = outcome_.findings[side.name];
      findings.outputs_checked = side.checked;
      findings.worst_in_bounds = side.worst_in_bounds;
      if (side.out || side.samples.empty()) continue;
      Series& series = process.series[side.name];
      for (const Sample& sample : side.samples) {
        series.wall_ns.push_back(sample.wall_ns);
        series.cpu_ns.push_back(sample.cpu_ns);
      }
      findings.usage = usage_of(side);
      note_short(side, *findings.usage);
    }
    outcome_.process = std::move(process);
    outcome_.clock = *clock_;
    outcome_.clock_step_ns = clock_step_ns();
  }

  static CommandUsage usage_of(const Side& side) {
    const auto middle = [&](double Ended::*field) {
      std::vector<double> all;
      for (const Ended& ended : side.ends) all.push_back(ended.*field);
      return median(all);
    };
    CommandUsage usage;
    usage.wall_ns = middle(&Ended::wall_ns);
    usage.user_ns = middle(&Ended::user_ns);
    usage.system_ns = middle(&Ended::system_ns);
    usage.peak_memory_bytes = middle(&Ended::peak_memory_bytes);
    usage.peak_memory_is_bound = usage.peak_memory_bytes <= own_peak_bytes();
    usage.waits = middle(&Ended::waits);
    usage.preemptions = middle(&Ended::preemptions);
    static const double direct_ns = start_cost_ns(false);
    static const double shell_ns = start_cost_ns(true);
    usage.shell = side.start.shell;
    usage.start_ns = side.start.shell ? shell_ns : direct_ns;
    return usage;
  }

  void note_short(const Side& side, const CommandUsage& usage) {
    if (*clock_ == ClockRule::kPrinted || usage.wall_ns >= kShortInStarts * usage.start_ns) return;
    outcome_.notes.push_back(fmt::format(
        "{} takes {}, and a {} that does nothing {}: let it do more work in one run, or print its "
        "own time",
        side.name, format_time(usage.wall_ns), usage.shell ? "shell" : "process",
        format_time(usage.start_ns)));
  }

  const CommandRules& rules_;
  const PairsJob& job_;
  Runner runner_;
  Rng rng_;
  const double begin_s_;
  double step_ns_ = std::numeric_limits<double>::infinity();
  std::size_t printing_ = 0;
  std::optional<ClockRule> clock_;  // once the first runs are over
  std::vector<Side> sides_;
  JobOutcome outcome_;
};

}  // namespace

std::size_t least_rounds(double level) {
  std::size_t n = 1;
  while (anytime_order_index(n, level) == SIZE_MAX) ++n;
  return n;
}

JobOutcome run_pairs(const CommandLab& lab, const PairsJob& job) { return Pairs(lab, job).run(); }

}  // namespace aisp::bench::command
