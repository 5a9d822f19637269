// The run loop. See run.h.
#include "bench/run.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "base/error.h"
#include "base/rng.h"
#include "bench/ceiling_loop.h"
#include "bench/clock.h"
#include "bench/command/lab_file.h"
#include "bench/command/pairs.h"
#include "bench/confirm.h"
#include "bench/describe.h"
#include "machine/environment.h"

namespace aisp::bench {
namespace {

double now_s() { return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC)) * 1e-9; }

std::uint64_t secret_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed || seed == 0) {
    throw Error("the system gives no random bytes", "getrandom", "name a --seed");
  }
  return seed >> 1;  // fits a signed 64-bit integer: JSON readers in other languages keep it whole
}

std::string dated_folder() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("artifacts/{:%Y%m%d-%H%M%S}-{}", utc, getpid());
}

// A GPU's epoch: 500 times the step of its events' clock, and a few times what starting and seeing
// the end of an epoch costs.
constexpr double kDeviceEpochNs = 250e3;

struct PlannedCase {
  const KnownLab* lab;
  const Case* one;
};

class Run {
 public:
  Run(const RunOptions& options, const RunProgress& progress)
      : options_(options), progress_(progress), cpu_(machine::cpu()) {
    Checks check_names(options.checks_off);  // throws for an unknown name
    labs_ = select_labs(known_labs(options.modules, options.command_labs), options.targets);
    select_techniques(labs_, options.techniques, options.peers);
    select_cases(labs_, options.cases, options.device);
    for (const KnownLab& lab : labs_) {
      for (const Case& one : lab.lab.cases) cases_.push_back({&lab, &one});
    }
    if (options_.processes == 0) options_.processes = options_.size == "smoke" ? 1 : 2;
    if (options_.memory_limit_bytes == 0) options_.memory_limit_bytes = cpu_.memory_bytes / 4 * 3;
    if (options_.out.empty()) options_.out = dated_folder();
  }

  RunSummary go() {
    catch_interrupts();
    RunSummary summary;
    summary.folder = options_.out;
    prepare_ceilings();
    Json header = describe_run(options_, cpu_, ceilings_, device_ceilings_);
    const bool continuing = options_.resume && std::filesystem::exists(options_.out + "/run.json");
    std::vector<std::string> present;
    RunWriter writer(options_.out, header, options_.resume);
    if (continuing) {
      const RunRecord earlier = read_run(options_.out);
      if (earlier.header.at("options").at("size") != options_.size) {
        throw UsageError("the run there has another --size", "--resume " + options_.out,
                         "give the same options, or another --out");
      }
      for (const CaseResult& result : earlier.results) present.push_back(result.key());
    }
    begin_s_ = now_s();
    for (std::size_t i = 0; i < cases_.size() && !interrupted(); ++i) {
      const std::string key = cases_[i].lab->name + "/" + cases_[i].one->name + "/" + options_.size;
      if (std::find(present.begin(), present.end(), key) != present.end()) {
        ++summary.skipped_by_resume;
        continue;
      }
      step(i, cases_[i].lab->name + " " + cases_[i].one->name);
      CaseResult result = run_case(i);
      if (interrupted()) break;  // what was in flight is lost, by design
      writer.append(result);
      count(result, summary);
      if (progress_.finished) progress_.finished(result);
    }
    summary.interrupted = interrupted();
    if (remeasured_) {
      header["ceilings"] = Json::parse(machine::to_json(ceilings_));
      if (!continuing) writer.rewrite_header(header);
      machine::store_ceilings(cpu_, ceilings_);
    }
    if (!summary.interrupted) step(cases_.size(), "");
    return summary;
  }

 private:
  void step(std::size_t done, const std::string& now) const {
    if (progress_.step) progress_.step(done, cases_.size(), now);
  }

  void prepare_ceilings() {
    if (options_.profile == "none") return;
    if (progress_.note && options_.profile == "roofline") {
      progress_.note("ceilings of this machine: measured once, then cached");
    }
    machine::CeilingOptions how;
    how.only_cached = options_.profile == "minimal";
    if (has_cases_on(Device::kCpu)) ceilings_ = machine::load_or_measure_ceilings(cpu_, how);
    if (has_cases_on(Device::kCuda)) device_ceilings_ = load_device_ceilings(how.only_cached);
  }

  bool has_cases_on(Device device) const {
    return std::any_of(cases_.begin(), cases_.end(),
                       [&](const PlannedCase& planned) { return planned.one->device == device; });
  }

  double share_s(std::size_t index) const {
    const double left = options_.budget_s - (now_s() - begin_s_);
    return left / static_cast<double>(cases_.size() - index);
  }

  // The budget left, shared equally among the cases left; verification and references come out of
  // the same share, so a case's clock time stays near it. Less than 0.25 s would decide nothing.
  double trial_budget_s(std::size_t index) const {
    if (options_.budget_s <= 0.0) return 30.0;
    const double untimed = 0.45;  // of a case: inputs, references, audits (measured over all labs)
    return std::clamp(share_s(index) * (1.0 - untimed) / options_.processes, 0.25, 10.0);
  }

  Job make_job(const PlannedCase& planned, const std::vector<std::string>& techniques,
               std::size_t index) const {
    Job job;
    for (const std::string& module : options_.modules) {
      if (!command::is_lab_file(module)) job.modules.push_back(module);
    }
    job.lab = planned.lab->name;
    job.case_name = planned.one->name;
    job.size = options_.size;
    job.techniques = techniques;
    job.budget_s = trial_budget_s(index);
    job.margin = options_.margin;
    job.level = options_.level;
    job.precision = options_.precision;
    job.iterations = options_.iterations;
    job.isolated = options_.isolated;
    job.device = planned.one->device;
    job.cache = options_.cache;
    job.graph = options_.graph;
    job.energy = options_.energy;
    if (job.device == Device::kCuda) job.epoch_ns = kDeviceEpochNs;
    job.checks_off = options_.checks_off;
    job.memory_limit_bytes = options_.memory_limit_bytes;
    const char* folder = std::getenv("TMPDIR");
    job.scratch_folder = folder != nullptr ? folder : "/tmp";
    return job;
  }

  std::uint64_t seed_of(std::size_t index, int process) const {
    if (options_.seed == 0) return secret_seed();
    return derive_seed(options_.seed, index * 128 + static_cast<std::uint64_t>(process)) >> 1;
  }

  bool wants_ceilings(const PlannedCase& planned) const {
    if (!options_.peers || planned.lab->commands) return false;
    if (planned.one->device != Device::kCpu) return false;  // a loop on the CPU
    const Params& params = options_.size == "smoke" ? planned.one->smoke : planned.one->full;
    const Lab& lab = planned.lab->lab;
    return moves_its_buffers(lab.work(params), lab.problem(params));
  }

  CaseResult run_case(std::size_t index) {
    const PlannedCase& planned = cases_[index];
    const double begin = now_s();
    const machine::SystemLoad load = machine::read_system_load();
    CaseResult result = describe_case(*planned.lab, *planned.one, options_);
    result.techniques = describe_techniques(planned.lab->lab, *planned.one, options_, cpu_,
                                            wants_ceilings(planned));
    JudgeRules rules{options_.margin, options_.level, Checks(options_.checks_off).on("ceiling")};
    if (planned.lab->commands) {
      measure_commands(index, result, rules);
    } else {
      measure_in_workers(index, result);
    }
    judge_believing(result, planned.lab->lab, rules);
    const machine::SystemLoad after = machine::read_system_load();
    result.seconds = now_s() - begin;
    result.load1 = after.load1;
    const double cpu_seconds = result.seconds * cpu_.cores_online;
    result.steal_share =
        std::max(0.0, after.steal_seconds - load.steal_seconds) / std::max(cpu_seconds, 1e-3);
    return result;
  }

  void note_once(const std::string& note) {
    if (!progress_.note || std::find(noted_.begin(), noted_.end(), note) != noted_.end()) return;
    noted_.push_back(note);
    progress_.note(note);
  }

  std::function<void(const std::string&, const std::string&)> phases_of(std::size_t index) const {
    const std::string name = cases_[index].lab->name + " " + cases_[index].one->name;
    return [this, index, name](const std::string& technique, const std::string& phase) {
      step(index, fmt::format("{} {}: {}", name, technique, phase));
    };
  }

  static std::vector<std::string> able_techniques(const CaseResult& result) {
    std::vector<std::string> able;
    for (const auto& row : result.techniques) {
      if (row.outcome == Outcome::kOk && row.role != "ceiling") able.push_back(row.name);
    }
    return able;
  }

  void measure_commands(std::size_t index, CaseResult& result, JudgeRules& rules) {
    command::PairsJob job;
    job.case_name = result.case_name;
    job.size = options_.size;
    job.techniques = able_techniques(result);
    if (job.techniques.empty() || job.techniques.front() != result.baseline) return;
    if (options_.isolated || options_.iterations != 0) {
      note_once("--isolated and --iterations say nothing about commands: each run is a process");
    }
    job.budget_s = options_.budget_s <= 0.0 ? 30.0 : std::max(share_s(index), 1.0);
    job.margin = options_.margin;
    job.level = options_.level;
    job.precision = options_.precision;
    job.time_limit_s = options_.time_limit_s;
    job.seed = seed_of(index, 0);
    job.on_phase = phases_of(index);
    const JobOutcome outcome = command::run_pairs(*cases_[index].lab->commands, job);
    rules.clock = outcome.clock;
    rules.clock_step_ns = outcome.clock_step_ns;
    take(outcome, result);
  }

  void measure_in_workers(std::size_t index, CaseResult& result) {
    SuperviseOptions how;
    how.time_limit_s = options_.time_limit_s;
    how.on_phase = phases_of(index);
    for (int process = 0; process < options_.processes && !interrupted(); ++process) {
      const std::vector<std::string> able = able_techniques(result);
      if (able.empty() || able.front() != result.baseline) break;
      const bool others_fell = able.size() == 1 && cases_[index].lab->lab.techniques.size() > 1;
      if (others_fell && process > 0) break;
      Job job = make_job(cases_[index], able, index);
      for (const TechniqueResult& row : result.techniques) {
        const bool runs = row.role == "ceiling" && row.outcome == Outcome::kOk;
        if (runs) job.ceiling_threads.push_back(row.threads);
      }
      job.seed = seed_of(index, process);
      const std::uint64_t second_seed = seed_of(index, process + 64);
      const auto once = [&](const Job& one) { return supervise(one, how); };
      for (const JobOutcome& outcome : run_confirmed(job, once, second_seed)) {
        take(outcome, result);
      }
    }
  }

  // What lies beyond the ceilings is believed only after those were measured again, next to it.
  // Once in a run: they only rise.
  void judge_believing(CaseResult& result, const Lab& lab, JudgeRules rules) {
    const auto before = result.techniques;
    rules.device = &device_ceilings_;
    judge_case(result, lab, cpu_, ceilings_, rules);
    if (!beyond_ceilings(result) || remeasured_ || result.device == "cuda") return;
    if (progress_.note)
      progress_.note(result.key() + ": beyond the ceilings; measuring those again");
    remeasured_ = true;
    machine::CeilingOptions how;
    how.seconds = 8.0;
    ceilings_.raise_to(machine::measure_ceilings(cpu_, how));
    result.techniques = before;
    judge_case(result, lab, cpu_, ceilings_, rules);
  }

  void take(const JobOutcome& outcome, CaseResult& result) {
    for (const TechniqueEvent& event : outcome.events) {
      for (TechniqueResult& row : result.techniques) {
        const bool meant = event.technique.empty() || event.technique == row.name;
        if (!meant || row.outcome != Outcome::kOk) continue;
        row.outcome = event.outcome;
        row.detector = event.detector;
        row.reason = event.reason;
        row.last_output = event.last_output;
      }
    }
    for (const auto& [name, found] : outcome.findings) {
      for (TechniqueResult& row : result.techniques) {
        if (row.name != name) continue;
        row.outputs_checked += found.outputs_checked;
        row.worst_in_bounds = std::max(row.worst_in_bounds, found.worst_in_bounds);
        if (found.usage) row.usage = found.usage;
        if (!found.kernel.empty() && row.summary.find(found.kernel) == std::string::npos) {
          row.summary += (row.summary.empty() ? "moves the same bytes: " : ", ") + found.kernel;
        }
        if (found.has_isolated) {
          row.has_isolated = true;
          row.isolated = found.isolated;
        }
      }
    }
    if (outcome.process) result.processes.push_back(*outcome.process);
    for (const std::string& note : outcome.notes) note_once(note);
    // What fell in a later process has no samples anywhere: wrong has no time.
    for (ProcessRecord& process : result.processes) {
      for (const TechniqueResult& row : result.techniques) {
        if (row.outcome != Outcome::kOk) process.series.erase(row.name);
      }
    }
  }

  static void count(const CaseResult& result, RunSummary& summary) {
    ++summary.cases;
    for (const TechniqueResult& row : result.techniques) {
      if (row.role == "ceiling") continue;
      switch (row.outcome) {
        case Outcome::kOk:
          ++summary.ok;
          break;
        case Outcome::kWrong:
          ++summary.wrong;
          break;
        case Outcome::kFailed:
          ++summary.failed;
          break;
        case Outcome::kImpossible:
          ++summary.impossible;
          break;
        case Outcome::kNoisy:
          ++summary.noisy;
          break;
        case Outcome::kSkipped:
          ++summary.skipped;
          break;
      }
    }
  }

  RunOptions options_;
  const RunProgress& progress_;
  const machine::Cpu& cpu_;
  machine::Ceilings ceilings_;
  DeviceCeilings device_ceilings_;
  std::vector<KnownLab> labs_;
  std::vector<PlannedCase> cases_;
  std::vector<std::string> noted_;
  double begin_s_ = 0.0;
  bool remeasured_ = false;
};

}  // namespace

RunSummary run_benchmarks(const RunOptions& options, const RunProgress& progress) {
  return Run(options, progress).go();
}

}  // namespace aisp::bench
