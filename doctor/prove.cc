// See prove.h.
#include "doctor/prove.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>

#include "base/check.h"
#include "base/error.h"
#include "base/rng.h"
#include "bench/clock.h"
#include "bench/describe.h"
#include "bench/duel_side.h"
#include "bench/judge.h"
#include "bench/supervisor.h"
#include "bench/trial.h"
#include "doctor/proofs/process_group.h"
#include "machine/cpu.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;
using bench::CaseResult;
using bench::Json;
using bench::Outcome;

constexpr const char* kNames[2] = {"as_it_is", "with_remedy"};
constexpr double kSilenceLimitS = 30.0;

// Where the pages of a process fell can favour one side in three pairs of three: an effect that is
// not far from nothing must stand in seven.
constexpr int kConfirmations = 4;
constexpr double kPlain = 1.10;

// A folder that goes with its owner.
class Scratch {
 public:
  explicit Scratch(const std::string& where) {
    const char* given = std::getenv("TMPDIR");
    const std::string parent = !where.empty() ? where : given != nullptr ? given : "/tmp";
    std::string name = parent + "/aisp-prove-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      throw Error("no folder can be made in it", parent, "name one that can be written (TMPDIR)");
    }
    path_ = name;
    for (const char* side : kNames) fs::create_directory(path_ + "/" + side);
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::string of(int side) const { return path_ + "/" + kNames[side]; }

 private:
  std::string path_;
};

Words laid_over(Words below, const Words& above) {
  for (const auto& [name, value] : above) below[name] = value;
  return below;
}

std::vector<std::string> environment_with(const Words& words) {
  std::vector<std::string> all;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string line = *one;
    if (!words.contains(line.substr(0, line.find('=')))) all.push_back(line);
  }
  for (const auto& [name, value] : words) {
    if (!value.empty()) all.push_back(name + "=" + value);
  }
  return all;
}

double take_number(Words& words, const std::string& name) {
  const auto found = words.find(name);
  if (found == words.end()) return 0.0;
  const double value = machine::parse_number(found->second).value_or(0.0);
  words.erase(found);
  return value;
}

// One process, with the control group that it runs in. The group goes after the process.
struct Running {
  Running(const Proof& proof, const Side& side, const ProveOptions& options,
          const std::string& scratch) {
    Words process = side.process;
    const Words common = options.change_system ? Words{} : proof.common;
    const double cpus = take_number(process, "cpu_quota");
    const double memory_bytes = take_number(process, "memory_limit");
    if (cpus > 0.0 || memory_bytes > 0.0) {
      group.emplace(cpus, memory_bytes);
      process["cgroup"] = group->folder();
    }
    const Json job = {{"workload", proof.workload},
                      {"arguments", laid_over(laid_over(common, side.arguments), options.both)},
                      {"process", process},
                      {"scratch", scratch}};
    const bench::DuelStart start = {
        {options.program, "prove-worker"},
        environment_with(side.environment),
        "see what it says: " + options.program + " prove-worker <<< '" + job.dump() + "'"};
    end.emplace(start, job, kSilenceLimitS);
    const auto& mine = end->techniques().at(0);
    if (!mine.fault.empty()) throw Error(mine.fault, proof.workload, "");
  }
  std::optional<ProcessGroup> group;
  std::optional<bench::DuelSide> end;
};

class Trying {
 public:
  Trying(const Proof& proof, const ProveOptions& options)
      : proof_(proof), options_(options), scratch_(options.scratch) {
    sides_[0] = proof.as_it_is;
    sides_[1] = options.alike ? proof.as_it_is : proof.remedy;
    for (int i = 0; i < (options.alike ? 2 : 1); ++i) {
      if (!options.planted.says.empty()) sides_[i].says = options.planted.says;
      sides_[i].arguments = laid_over(sides_[i].arguments, options.planted.arguments);
      sides_[i].process = laid_over(sides_[i].process, options.planted.process);
      sides_[i].environment = laid_over(sides_[i].environment, options.planted.environment);
    }
    if (options.change_system) {
      sides_[0] = {"the old value", proof.under_system};
      sides_[1] = {"the new value", proof.under_system};
    }
    seed_ = options.seed != 0 ? options.seed : std::random_device{}();
  }

  Proved go() {
    Proved proved;
    proved.proof = &proof_;
    CaseResult& row = proved.row;
    describe(row);
    const auto begin = bench::kernel_clock_ns(CLOCK_MONOTONIC);
    try {
      for (int i = 0; i < options_.processes; ++i) pair(proved, i);
      judge(row);
      if (close_call(row)) {
        for (int i = 0; i < kConfirmations; ++i) pair(proved, options_.processes + i);
        judge(row);
      }
    } catch (const Error& problem) {
      if (bench::interrupted()) throw;
      for (auto& technique : row.techniques) {
        technique.outcome = Outcome::kFailed;
        technique.reason = problem.what();
        technique.detector = "isolation";
      }
      row.processes.clear();
    }
    row.seconds = static_cast<double>(bench::kernel_clock_ns(CLOCK_MONOTONIC) - begin) * 1e-9;
    proved.word = verdict_word(row);
    proved.says = verdict_line(row);
    return proved;
  }

 private:
  void describe(CaseResult& row) const {
    row.lab = "doctor:" + proof_.id;
    row.folder = "doctor/proofs";
    row.question = proof_.question;
    row.targets = {"doctor:" + proof_.id};
    row.case_name = proof_.workload + (options_.change_system ? " applied" : "");
    row.origin = fmt::format("{} / {}", sides_[0].says, sides_[1].says);
    row.size = "full";
    row.baseline = kNames[0];
    row.medium = "none";
    for (int i = 0; i < 2; ++i) {
      bench::TechniqueResult one;
      one.name = kNames[i];
      one.summary = sides_[i].says;
      one.role = i == 0 ? "baseline" : "technique";
      one.outcome = Outcome::kOk;
      row.techniques.push_back(std::move(one));
    }
  }

  void pair(Proved& proved, int number) {
    const std::uint64_t seed = derive_seed(seed_, static_cast<std::uint64_t>(number)) >> 1;
    std::array<std::shared_ptr<Running>, 2> both;
    // The order of start is random: the first may get the better memory.
    const int first = static_cast<int>(seed % 2);
    for (const int which : {first, 1 - first}) {
      if (options_.change_system && both[1 - which] != nullptr) {
        both[which] = both[1 - which];
        continue;
      }
      both[which] = std::make_shared<Running>(proof_, sides_[which], options_, scratch_.of(which));
    }
    std::vector<bench::Contender> contenders;
    for (int which = 0; which < 2; ++which) {
      const auto& technique = both[which]->end->techniques().at(0);
      bench::Contender contender;
      contender.name = kNames[which];
      contender.threads = technique.threads;
      contender.blocks = technique.blocks;
      contender.timed = [this, &both, which](std::uint64_t n, bool* conflict) {
        if (options_.change_system) options_.change_system(which);
        return both[which]->end->time(0, n, conflict);
      };
      auto& mine = proved.row.techniques[which];
      mine.threads = technique.threads;
      waits_ |= technique.blocks;
      const Json& ready = both[which]->end->ready();
      (which == 0 ? proved.unit_a : proved.unit_b) = ready.at("unit");
      proved.work = ready.at("work");
      proved.row.items = proved.work;
      proved.row.item_name = ready.at("unit");
      contenders.push_back(std::move(contender));
    }
    if (both[0]->end->ready().at("work") != both[1]->end->ready().at("work")) {
      throw Error("the two sides do different amounts of work", proof_.workload, "");
    }
    measure(proved.row, contenders, seed);
    if (both[0] == both[1]) both[1].reset();
    for (auto& one : both) {
      if (one == nullptr) continue;
      for (const auto& [name, fault] : one->end->end()) throw Error(fault, proof_.workload, "");
    }
  }

  void measure(CaseResult& row, const std::vector<bench::Contender>& contenders,
               std::uint64_t seed) const {
    bench::TrialOptions trial;
    trial.rules.margin = options_.margin;
    trial.rules.level = options_.level;
    trial.budget_s = options_.budget_s / options_.processes;
    trial.seed = seed;
    // A change of the system costs more than an epoch of the usual 0.1 ms and leaves its traces.
    if (options_.change_system) trial.epoch_ns = 2e6;
    const bench::TrialRecord record = run_trial(contenders, trial);
    bench::ProcessRecord process;
    process.seed = seed;
    process.seconds = record.seconds;
    for (const auto& contender : record.contenders) {
      bench::Series& series = process.series[contender.name];
      series.iterations = contender.iterations;
      for (const bench::Sample& sample : contender.samples) {
        series.wall_ns.push_back(sample.wall_ns);
        series.cpu_ns.push_back(sample.cpu_ns);
      }
    }
    row.processes.push_back(std::move(process));
  }

  void judge(CaseResult& row) const {
    for (auto& technique : row.techniques) {
      if (technique.outcome == Outcome::kNoisy) technique.outcome = Outcome::kOk;
      technique.reason.clear();
    }
    bench::Lab lab;
    lab.baseline = kNames[0];
    for (const auto& technique : row.techniques) {
      lab.techniques.push_back(
          {.name = technique.name, .threads = technique.threads, .blocks = waits_});
    }
    lab.work = [](const bench::Params&) { return bench::Work{}; };
    bench::judge_case(row, lab, machine::cpu(), {}, {options_.margin, options_.level, false});
  }

  static bool close_call(const CaseResult& row) {
    const auto& pair = row.techniques[1].pair;
    return (pair.verdict == bench::Verdict::kFaster && pair.ratio.high > 1.0 / kPlain) ||
           (pair.verdict == bench::Verdict::kSlower && pair.ratio.low < kPlain);
  }

  const Proof& proof_;
  const ProveOptions& options_;
  const Scratch scratch_;
  std::array<Side, 2> sides_;
  std::uint64_t seed_ = 0;
  bool waits_ = false;
};

}  // namespace

Proved prove(const Proof& proof, const ProveOptions& options) {
  Proved proved;
  proved.proof = &proof;
  if (proof.needs != nullptr) proved.why_not = proof.needs();
  if (proved.why_not.empty()) return Trying(proof, options).go();
  proved.word = "not here";
  proved.says = proved.why_not;
  return proved;
}

std::string verdict_word(const CaseResult& row) {
  const auto& remedy = row.techniques.at(1);
  if (remedy.outcome != Outcome::kOk && remedy.outcome != Outcome::kNoisy) return "failed";
  switch (remedy.pair.verdict) {
    case bench::Verdict::kFaster:
      return "faster";
    case bench::Verdict::kSlower:
      return "slower";
    case bench::Verdict::kEquivalent:
      return "no effect";
    case bench::Verdict::kInconclusive:
      break;
  }
  return "inconclusive";
}

std::string verdict_line(const CaseResult& row) {
  const auto& remedy = row.techniques.at(1);
  const std::string word = verdict_word(row);
  if (word == "failed") return remedy.reason;
  const bench::PairResult& pair = remedy.pair;
  const Interval& r = pair.ratio;
  const auto interval = [](double mid, double low, double high) {
    return fmt::format("{:.3g}x [{:.3g}, {:.3g}]", mid, low, high);
  };
  if (word == "faster") return "faster by " + interval(1 / r.estimate, 1 / r.high, 1 / r.low);
  if (word == "slower") return "slower by " + interval(r.estimate, r.low, r.high);
  if (word == "no effect") {
    return fmt::format("no effect measured here (within {:.2g} %): {}", 100.0 * remedy.margin,
                       interval(1 / r.estimate, 1 / r.high, 1 / r.low));
  }
  double seconds = 0.0;
  for (const auto& process : row.processes) seconds += process.seconds;
  std::string more = "the pairs of processes disagree";
  if (pair.rounds_needed > pair.rounds && pair.rounds > 0) {
    const auto share = static_cast<double>(pair.rounds_needed) / static_cast<double>(pair.rounds);
    const double missing_s = seconds * (share - 1.0);
    more = missing_s < 600.0 ? fmt::format("about {:.2g} s more would tell", missing_s)
                             : "an effect, if there is one, is lost in the noise here";
  }
  if (!std::isfinite(r.high)) return fmt::format("inconclusive, too few rounds; {}", more);
  return fmt::format("inconclusive: {}; {}", interval(1 / r.estimate, 1 / r.high, 1 / r.low), more);
}

std::string record_proofs(const std::vector<Proved>& proved, const std::string& out,
                          const std::vector<std::string>& command) {
  bool any = false;
  for (const Proved& one : proved) any |= one.why_not.empty();
  if (!any) return "";
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  bench::RunOptions run;
  run.out = !out.empty() ? out : fmt::format("artifacts/{:%Y%m%d-%H%M%S}-{}", utc, getpid());
  run.profile = "none";
  run.command = command;
  for (const Proved& one : proved) run.targets.push_back("doctor:" + one.proof->id);
  bench::RunWriter writer(run.out, bench::describe_run(run, machine::cpu(), {}), false);
  for (const Proved& one : proved) {
    if (one.why_not.empty()) writer.append(one.row);
  }
  return run.out;
}

}  // namespace aisp::doctor
