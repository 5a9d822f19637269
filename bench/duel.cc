// The comparison of two builds. See duel.h.
#include "bench/duel.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "bench/clock.h"
#include "bench/command/spawn.h"
#include "bench/describe.h"
#include "bench/duel_side.h"
#include "bench/judge.h"
#include "bench/supervisor.h"
#include "bench/trial.h"

namespace aisp::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kA = "build_a";
constexpr const char* kB = "build_b";

// Without an answer for so long a side counts as hung. References at full size take seconds.
constexpr double kSilenceLimitS = 120.0;

constexpr const char* kCheckBuild =
    "check that it runs aisp bench list-targets, and that it is not older than this one";

// More pairs of processes for rows with a verdict; with the first three, all must agree.
constexpr int kConfirmations = 7;

double now_s() { return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC)) * 1e-9; }

std::string program_of(const std::string& build) {
  fs::path path = build;
  if (fs::is_directory(path)) path /= "aisp";
  if (!fs::is_regular_file(path)) {
    throw Error("no build there", build, "name a build folder that holds the program aisp");
  }
  return fs::absolute(path).string();
}

// What the build says about its labs.
Json labs_of(const std::string& program) {
  command::Startable list;
  list.argv = {program, "bench", "list-targets", "--json"};
  for (char** one = environ; *one != nullptr; ++one) list.environment.emplace_back(*one);
  std::string text;
  const command::Ended ended =
      command::run_process(list, 60.0, [&](std::string_view more) { text += more; });
  const Json json = Json::parse(text, nullptr, false);
  if (!ended.ok() || !json.is_array()) {
    throw Error("does not list its labs", program, "check that it is an aisp of this year");
  }
  return json;
}

bool asked_for(const Json& lab, const std::vector<std::string>& targets) {
  const auto matches = [&](const std::string& pattern) {
    const auto name = lab.at("lab").get<std::string>();
    const auto fits = [&](const std::string& text) {
      return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
    };
    const auto words = lab.at("targets").get<std::vector<std::string>>();
    return fits(name) || fits(name.substr(0, name.find(':'))) ||
           std::any_of(words.begin(), words.end(), fits);
  };
  return targets.empty() || std::any_of(targets.begin(), targets.end(), matches);
}

// One case of one lab with the techniques that both builds can run.
struct Bout {
  Json lab;  // as build A lists it
  std::string case_name, origin;
  std::vector<std::string> techniques;
};

std::vector<std::string> able(const Json& lab) {
  std::vector<std::string> names;
  for (const Json& technique : lab.at("techniques")) {
    // Two processes take turns: of a GPU's work that would compare the switches between them.
    const bool left_out = technique.at("role") == "peer" || technique.at("device") != "cpu";
    if (!left_out && technique.at("why_not_here") == "") names.push_back(technique.at("name"));
  }
  return names;
}

bool has_case(const Json& lab, const std::string& name, const std::string& size,
              const Json& params) {
  return std::any_of(lab.at("cases").begin(), lab.at("cases").end(), [&](const Json& one) {
    return one.at("name") == name && one.at(size) == params;
  });
}

std::vector<Bout> plan_bouts(const DuelOptions& options, const Json& a, const Json& b,
                             DuelSummary& summary) {
  std::vector<Bout> bouts;
  for (const Json& lab : a) {
    if (!asked_for(lab, options.targets)) continue;
    const auto other = std::find_if(
        b.begin(), b.end(), [&](const Json& one) { return one.at("lab") == lab.at("lab"); });
    const auto mine = able(lab);
    const auto theirs = other == b.end() ? std::vector<std::string>{} : able(*other);
    std::vector<std::string> both;
    const auto in = [](const std::vector<std::string>& all, const std::string& name) {
      return std::find(all.begin(), all.end(), name) != all.end();
    };
    const auto name = lab.at("lab").get<std::string>();
    for (const auto& one : mine) {
      if (in(theirs, one))
        both.push_back(one);
      else
        summary.only_a.push_back(name + " " + one);
    }
    for (const auto& one : theirs) {
      if (!in(mine, one)) summary.only_b.push_back(name + " " + one);
    }
    for (const Json& one : lab.at("cases")) {
      if (both.empty()) break;
      if (one.value("device", "cpu") != "cpu") continue;
      const auto case_name = one.at("name").get<std::string>();
      if (!has_case(*other, case_name, options.size, one.at(options.size))) {
        summary.only_a.push_back(name + " case " + case_name + " (as it is there)");
        continue;
      }
      bouts.push_back({lab, case_name, one.at("origin"), both});
    }
  }
  for (const Json& lab : b) {
    const bool known = std::any_of(a.begin(), a.end(),
                                   [&](const Json& one) { return one.at("lab") == lab.at("lab"); });
    if (!known && asked_for(lab, options.targets)) summary.only_b.push_back(lab.at("lab"));
  }
  if (bouts.empty()) {
    throw UsageError("no lab of both builds answers these targets", "--targets",
                     "aisp bench list-targets shows the names");
  }
  return bouts;
}

class Duel {
 public:
  Duel(const DuelOptions& options, const RunProgress& progress)
      : options_(options),
        progress_(progress),
        programs_{program_of(options.build_a), program_of(options.build_b)} {}

  DuelSummary go() {
    catch_interrupts();
    DuelSummary summary;
    const auto bouts = plan_bouts(options_, labs_of(programs_[0]), labs_of(programs_[1]), summary);
    for (const Bout& bout : bouts) rows_ += bout.techniques.size();
    RunOptions run;
    run.targets = options_.targets;
    run.size = options_.size;
    run.profile = "none";
    run.budget_s = options_.budget_s;
    run.processes = options_.processes;
    run.margin = options_.margin;
    run.level = level();
    run.seed = options_.seed;
    run.out = options_.out.empty() ? fmt::format("artifacts/builds-{}", getpid()) : options_.out;
    run.command = options_.command;
    summary.folder = run.out;
    RunWriter writer(run.out, describe_run(run, machine::cpu(), {}), false);
    begin_s_ = now_s();
    for (std::size_t i = 0; i < bouts.size() && !interrupted(); ++i) {
      for (CaseResult& row : fight(bouts[i], i, bouts.size())) {
        if (interrupted()) break;
        count(row, summary);
        writer.append(row);
        if (progress_.finished) progress_.finished(row);
      }
    }
    summary.interrupted = interrupted();
    return summary;
  }

 private:
  // Of one row, so that all rows together keep the asked level.
  double level() const {
    return 1.0 - (1.0 - options_.level) / static_cast<double>(std::max<std::size_t>(rows_, 1));
  }

  // Seconds for one technique in one pair of processes. Preparing takes about half of the time.
  double share_s() const {
    const double all_s =
        options_.budget_s > 0.0 ? options_.budget_s : 2.0 * static_cast<double>(rows_);
    const double left = all_s - (now_s() - begin_s_);
    const auto rows = static_cast<double>(rows_ - done_rows_);
    return std::clamp(0.5 * left / std::max(rows, 1.0) / options_.processes, 0.1, 10.0);
  }

  Job job_of(const Bout& bout, std::uint64_t seed) const {
    Job job;
    job.lab = bout.lab.at("lab");
    job.case_name = bout.case_name;
    job.size = options_.size;
    job.techniques = bout.techniques;
    job.seed = seed;
    const char* folder = std::getenv("TMPDIR");
    job.scratch_folder = folder != nullptr ? folder : "/tmp";
    return job;
  }

  // All techniques of a case, then those with a verdict again: where the pages of a process fell
  // can favour one build in three processes out of three by accident (1 in 4), hardly in eight (1
  // in 128).
  std::vector<CaseResult> fight(const Bout& bout, std::size_t index, std::size_t all) {
    std::vector<CaseResult> rows;
    std::vector<std::size_t> chosen(bout.techniques.size());
    std::iota(chosen.begin(), chosen.end(), 0u);
    for (const std::string& technique : bout.techniques) rows.push_back(row_of(bout, technique));
    int process = 0;
    const auto pairs_of_processes = [&](int count) {
      for (const int end = process + count; process < end && !interrupted(); ++process) {
        one_pair(bout, rows, chosen, index, all, process);
      }
    };
    pairs_of_processes(options_.processes);
    done_rows_ += rows.size();
    std::vector<CaseResult> judged = rows;
    for (CaseResult& row : judged) judge(row);
    std::erase_if(chosen, [&](std::size_t i) {
      const Verdict verdict = judged[i].techniques[1].pair.verdict;
      return judged[i].techniques[1].outcome != Outcome::kOk ||
             (verdict != Verdict::kFaster && verdict != Verdict::kSlower);
    });
    if (chosen.empty()) return judged;
    pairs_of_processes(kConfirmations);
    for (const std::size_t i : chosen) {
      judge(rows[i]);
      judge_across_processes(rows[i]);
      judged[i] = std::move(rows[i]);
    }
    return judged;
  }

  // Between processes is where the error is: the interval is the range of the processes' medians,
  // which holds the middle of what processes give with 1 - 2^(1 - n), 99.8 % for ten.
  void judge_across_processes(CaseResult& row) const {
    PairResult& pair = row.techniques[1].pair;
    std::vector<double> medians;
    for (const ProcessRecord& process : row.processes) {
      const Series &a = process.series.at(kA), &b = process.series.at(kB);
      const bool wall = pair.clock == Clock::kWall;
      const auto &base = wall ? a.wall_ns : a.cpu_ns, &mine = wall ? b.wall_ns : b.cpu_ns;
      std::vector<double> logs;
      for (std::size_t i = 0; i < std::min(base.size(), mine.size()); ++i) {
        logs.push_back(std::log(mine[i] / base[i]));
      }
      if (!logs.empty()) medians.push_back(median(logs));
    }
    if (row.techniques[1].outcome != Outcome::kOk && row.techniques[1].outcome != Outcome::kNoisy) {
      return;
    }
    if (medians.size() < static_cast<std::size_t>(kConfirmations)) return;
    const auto [low, high] = std::minmax_element(medians.begin(), medians.end());
    pair.ratio = {std::exp(median(medians)), std::exp(*low), std::exp(*high)};
    pair.verdict = verdict_of(pair.ratio, options_.margin);
    if (pair.verdict == Verdict::kInconclusive) return;
    row.techniques[1].outcome = Outcome::kOk;
    row.techniques[1].reason.clear();
  }

  void one_pair(const Bout& bout, std::vector<CaseResult>& rows,
                const std::vector<std::size_t>& chosen, std::size_t index, std::size_t all,
                int process) {
    const std::uint64_t root = options_.seed != 0 ? options_.seed : ticks();
    const std::uint64_t seed =
        derive_seed(root, index * 64 + static_cast<std::uint64_t>(process)) >> 1;
    const Job job = job_of(bout, seed);
    step(index, all, bout, "preparing both sides");
    int side = 0;
    try {
      // The order of start is random: the first may get the better memory.
      std::array<std::unique_ptr<DuelSide>, 2> sides;
      const int first = static_cast<int>(seed % 2);
      for (const int which : {first, 1 - first}) {
        side = which;
        const DuelStart start = {{programs_[which], "bench", "duel-worker"}, {}, kCheckBuild};
        sides[which] = std::make_unique<DuelSide>(start, to_json(job), kSilenceLimitS);
      }
      for (const std::size_t i : chosen) {
        step(index, all, bout, bout.techniques[i]);
        measure(rows[i], i, sides, seed, side);
      }
      for (side = 0; side < 2; ++side) {
        for (const auto& [name, fault] : sides[side]->end()) fell(rows, bout, name, side, fault);
      }
    } catch (const Error& problem) {
      if (interrupted()) return;
      for (const std::size_t i : chosen) {
        accuse(rows[i], side, Outcome::kFailed, problem.what());
      }
    }
  }

  void step(std::size_t done, std::size_t all, const Bout& bout, const std::string& what) const {
    if (!progress_.step) return;
    progress_.step(
        done, all,
        fmt::format("{} {}: {}", bout.lab.at("lab").get<std::string>(), bout.case_name, what));
  }

  CaseResult row_of(const Bout& bout, const std::string& technique) const {
    CaseResult row;
    row.lab = bout.lab.at("lab");
    row.folder = bout.lab.at("folder");
    row.question = bout.lab.at("question");
    row.targets = bout.lab.at("targets").get<std::vector<std::string>>();
    row.case_name = bout.case_name + " " + technique;
    row.origin = bout.origin;
    row.size = options_.size;
    row.baseline = kA;
    row.medium = "none";
    for (const char* name : {kA, kB}) {
      TechniqueResult one;
      one.name = name;
      one.summary = programs_[name == kA ? 0 : 1];
      one.role = name == kA ? "baseline" : "technique";
      one.outcome = Outcome::kOk;
      row.techniques.push_back(std::move(one));
    }
    return row;
  }

  // One technique on both sides, one pair of processes.
  void measure(CaseResult& row, std::size_t index,
               const std::array<std::unique_ptr<DuelSide>, 2>& sides, std::uint64_t seed,
               int& side) {
    std::vector<Contender> contenders;
    for (int which = 0; which < 2; ++which) {
      const DuelSide::Technique& technique = sides[which]->techniques().at(index);
      if (!technique.fault.empty()) accuse(row, which, Outcome::kWrong, technique.fault);
      Contender contender;
      contender.name = which == 0 ? kA : kB;
      contender.threads = technique.threads;
      contender.blocks = technique.blocks;
      contender.timed = [&sides, &side, which, index](std::uint64_t n, bool* conflict) {
        side = which;
        return sides[which]->time(index, n, conflict);
      };
      row.techniques[which].threads = technique.threads;
      contenders.push_back(std::move(contender));
    }
    if (row.techniques[0].outcome != Outcome::kOk || row.techniques[1].outcome != Outcome::kOk) {
      return;
    }
    TrialOptions trial;
    trial.rules.margin = options_.margin;
    trial.rules.level = level();
    trial.budget_s = share_s();
    trial.seed = derive_seed(seed, index);
    const TrialRecord record = run_trial(contenders, trial);
    ProcessRecord process;
    process.seed = seed;
    process.seconds = record.seconds;
    for (const ContenderRecord& contender : record.contenders) {
      Series& series = process.series[contender.name];
      series.iterations = contender.iterations;
      for (const Sample& sample : contender.samples) {
        series.wall_ns.push_back(sample.wall_ns);
        series.cpu_ns.push_back(sample.cpu_ns);
      }
    }
    row.processes.push_back(std::move(process));
  }

  static void accuse(CaseResult& row, int side, Outcome outcome, const std::string& reason) {
    TechniqueResult& guilty = row.techniques[static_cast<std::size_t>(side)];
    if (guilty.outcome != Outcome::kOk) return;
    guilty.outcome = outcome;
    guilty.reason = reason;
    guilty.detector = outcome == Outcome::kWrong ? "output" : "isolation";
  }

  static void fell(std::vector<CaseResult>& rows, const Bout& bout, const std::string& name,
                   int side, const std::string& fault) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (bout.techniques[i] == name) accuse(rows[i], side, Outcome::kWrong, fault);
    }
  }

  void judge(CaseResult& row) const {
    const bool sound =
        row.techniques[0].outcome == Outcome::kOk && row.techniques[1].outcome == Outcome::kOk;
    for (TechniqueResult& technique : row.techniques) {
      if (sound || technique.outcome != Outcome::kOk) continue;
      technique.outcome = Outcome::kSkipped;
      technique.reason = "the other build's side has no time";
    }
    if (!sound) row.processes.clear();  // wrong has no time
    Lab lab;
    lab.baseline = kA;
    for (const TechniqueResult& technique : row.techniques) {
      lab.techniques.push_back({.name = technique.name, .threads = technique.threads});
    }
    lab.work = [](const Params&) { return Work{}; };
    judge_case(row, lab, machine::cpu(), {}, {options_.margin, level(), false});
  }

  static void count(const CaseResult& row, DuelSummary& summary) {
    ++summary.rows;
    for (const TechniqueResult& technique : row.techniques) {
      if (technique.outcome == Outcome::kWrong || technique.outcome == Outcome::kFailed) {
        ++summary.wrong;
        return;
      }
    }
    switch (row.techniques[1].pair.verdict) {
      case Verdict::kFaster:
        ++summary.faster;
        break;
      case Verdict::kSlower:
        ++summary.slower;
        break;
      case Verdict::kEquivalent:
        ++summary.equivalent;
        break;
      case Verdict::kInconclusive:
        ++summary.undecided;
        break;
    }
  }

  const DuelOptions& options_;
  const RunProgress& progress_;
  const std::array<std::string, 2> programs_;
  std::size_t rows_ = 0, done_rows_ = 0;
  double begin_s_ = 0.0;
};

}  // namespace

DuelSummary run_duel(const DuelOptions& options, const RunProgress& progress) {
  return Duel(options, progress).go();
}

}  // namespace aisp::bench
