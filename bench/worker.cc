// One case in one process: the order of events, and the measurement. See case_worker.h.
#include <fmt/format.h>

#include <cmath>

#include "base/rng.h"
#include "bench/case_worker.h"
#include "bench/profile/ranges.h"
#include "bench/verify.h"

namespace aisp::bench {
namespace {

// The round at which set 0 gets other contents under the same pointers.
constexpr std::size_t kRefillRound = 8;

double now_s() { return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC)) * 1e-9; }

}  // namespace

CaseWorker::CaseWorker(const Job& job, Reporter& reporter)
    : job_(job),
      reporter_(reporter),
      checks_(job.checks_off),
      lab_(find_lab(job.modules, job.lab).describe()),
      seed_(checks_.on("fresh-seed") ? job.seed : kPublicSeed) {
  for (const Case& one : lab_.cases) {
    if (one.name == job.case_name) params_ = job.size == "smoke" ? one.smoke : one.full;
  }
  for (const std::string& wanted : job.techniques) {
    for (const Technique& technique : lab_.techniques) {
      if (technique.name == wanted) techniques_.push_back(&technique);
    }
  }
  check(techniques_.size() == job.techniques.size(), "a job names an unknown technique");
  if (job.device == Device::kCuda) {
    const bool held = std::none_of(techniques_.begin(), techniques_.end(),
                                   [](const Technique* technique) { return technique->blocks; });
    device_ = std::make_unique<DeviceBench>(
        DeviceBenchOptions{job.cache, job.graph, held, checks_.on("hold")});
  }
}

void CaseWorker::run() {
  record_.seed = job_.seed;
  const double begin = now_s();
  if (device_) verify_references();
  if (device_) vitals_.emplace(machine::cuda_device().pci_address);
  for (const Technique* technique : techniques_) verify_alone(*technique);
  drop_the_fallen();
  if (!techniques_.empty()) {
    guarded_by_memory([this] { prepare_sets(); });
    make_plans();
    drop_the_fallen();
  }
  if (!techniques_.empty() && !baseline_fell()) {
    measure();
    audit_all();
    if (job_.isolated) measure_isolated();
    if (job_.energy && device_) measure_energy();
  }
  if (vitals_) record_.device = vitals_->finish();
  end_plans();
  for (const std::string& name : fallen_) record_.series.erase(name);
  record_.seconds = now_s() - begin;
  reporter_.done(record_, findings_);
}

void CaseWorker::fell(const std::string& technique, Outcome outcome, const std::string& detector,
                      const std::string& reason) {
  if (has_fallen(technique)) return;
  fallen_.push_back(technique);
  reporter_.outcome(technique, outcome, detector, reason);
}

void CaseWorker::guarded(const Technique& technique, const std::string& phase,
                         const std::function<void()>& body) {
  reporter_.phase(technique.name, phase);
  try {
    body();
  } catch (const std::bad_alloc&) {
    fell(technique.name, Outcome::kFailed, "memory-limit",
         fmt::format("out of memory during {} (limit {} MiB)", phase,
                     job_.memory_limit_bytes >> 20));
  } catch (const std::exception& problem) {
    const std::string what = problem.what();
    if (device_ && is_out_of_device_memory(problem)) {
      fell(technique.name, Outcome::kFailed, "memory-limit", out_of_device_memory(phase));
    } else {
      fell(technique.name, Outcome::kFailed, "isolation", fmt::format("{} during {}", what, phase));
    }
  }
  end_if_broken(technique);
}

// Two sets of a case are the instrument's own: without room for them nobody can be measured.
void CaseWorker::guarded_by_memory(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& problem) {
    if (!device_ || !is_out_of_device_memory(problem)) throw;
    throw Error(out_of_device_memory("preparing inputs"), job_.lab,
                "free the GPU, or run it alone");
  }
}

void CaseWorker::prepare_sets() {
  reporter_.phase("", "preparing inputs");
  const Problem problem = lab_.problem(params_);
  for (int i = 0; i < 2; ++i) {
    sets_.push_back(std::make_unique<InputSet>(problem, job_.scratch_folder,
                                               device_ ? device_->place(problem) : OnDevice{}));
    sets_[i]->fill(lab_, params_, derive_seed(seed_, 200 + static_cast<std::uint64_t>(i)));
  }
  if (checks_.on("near-copy")) sets_[1]->become_near_copy(*sets_[0], derive_seed(seed_, 300));
  for (auto& set : sets_) {
    reporter_.phase("", "reference");
    checked_.push_back(
        std::make_unique<CheckedSet>(lab_, params_, *set, checks_, seed_, reference_there()));
  }
  if (checks_.on("near-copy")) checked_[1]->also_know(*checked_[0]);
}

void CaseWorker::make_plans() {
  plans_.resize(techniques_.size());
  for (std::size_t i = 0; i < techniques_.size(); ++i) {
    guarded(*techniques_[i], "planning", [&] { plans_[i] = techniques_[i]->plan(params_); });
  }
  std::erase_if(plans_, [](const auto& plan) { return plan == nullptr; });
}

Contender CaseWorker::contender_of(std::size_t index) {
  const Technique& technique = *techniques_[index];
  Contender contender;
  contender.name = technique.name;
  contender.threads = technique.threads == 0 ? machine::cpu().cores : technique.threads;
  contender.blocks = technique.blocks;
  contender.run = [this, index](std::uint64_t n) {
    if (has_fallen(techniques_[index]->name)) return;
    try {
      plans_[index]->run(sets_[current_]->io(), n);
    } catch (const std::exception& problem) {
      fell(techniques_[index]->name, Outcome::kFailed, "isolation",
           fmt::format("{} while measured", problem.what()));
    }
  };
  if (lab_.before_each) {
    contender.before_each = [this] { lab_.before_each(params_, sets_[current_]->io()); };
  }
  if (device_) time_on_device(contender, index);
  return contender;
}

void CaseWorker::add_ceilings(std::vector<Contender>& contenders) {
  for (const int threads : job_.ceiling_threads) {
    reporter_.phase("", "choosing a ceiling's loop");
    ceilings_.push_back(std::make_unique<CeilingLoop>(lab_.work(params_), sets_, threads));
    findings_[ceiling_name(threads)].kernel = ceilings_.back()->kernel();
    contenders.push_back(ceilings_.back()->companion(current_));
    contenders.back().before_each = contenders.front().before_each;
  }
}

void CaseWorker::measure() {
  std::vector<Contender> contenders;
  for (std::size_t i = 0; i < techniques_.size(); ++i) contenders.push_back(contender_of(i));
  add_ceilings(contenders);
  TrialOptions options;
  options.rules.margin = job_.margin;
  options.rules.level = job_.level;
  if (device_) judge_by_device(options.rules, device_->held());
  options.epoch_ns = job_.epoch_ns;
  options.iterations = job_.iterations;
  options.budget_s = job_.budget_s;
  options.precision = job_.precision;
  options.seed = derive_seed(seed_, 400);
  begin_s_ = now_s();
  state_ = process_state();
  if (device_) settings_ = device_->settings();
  const ClockMark clocks = mark_clocks();
  EpochHooks hooks;
  hooks.begin_round = [this](std::size_t round) { begin_round(round); };
  hooks.calibrated = [this](std::size_t i) { return after_calibration(i); };
  hooks.before = [this](std::size_t i, std::size_t round) { before_epoch(i, round); };
  hooks.after = [this](std::size_t i, std::size_t round) { return passes_after_epoch(i, round); };
  reporter_.phase("", "measuring");
  TrialRecord trial = run_trial(contenders, options, hooks);
  if (trial.rounds <= kRefillRound) refill_and_check();
  judge_clock(lab_.baseline_on(job_.device), clocks);
  take_series(trial);
  ceilings_.clear();  // audits count the CPU time of all threads: none of theirs
}

void CaseWorker::take_series(const TrialRecord& trial) {
  for (std::size_t i = 0; i < trial.contenders.size(); ++i) {
    const ContenderRecord& contender = trial.contenders[i];
    const std::size_t epochs = contender.samples.size();
    const double scale = is_ceiling(i) ? ceilings_[i - techniques_.size()]->scale() : 1.0;
    if (!is_ceiling(i) && checks_.on("clock") && epochs >= 8 &&
        2 * contender.clock_conflicts > epochs) {
      fell(contender.name, Outcome::kFailed, "clock",
           fmt::format("the time-stamp counter says less time than the kernel's clock in {} of {} "
                       "epochs",
                       contender.clock_conflicts, epochs));
    }
    Series& series = record_.series[contender.name];
    series.iterations = contender.iterations;
    for (const Sample& sample : contender.samples) {
      series.wall_ns.push_back(sample.wall_ns * scale);
      series.cpu_ns.push_back(sample.cpu_ns * scale);
      if (device_) series.sm_mhz.push_back(sample.sm_mhz);
    }
    cpu_ns_[contender.name] = series.cpu_ns.empty() ? 1e300 : median(series.cpu_ns);
  }
}

void CaseWorker::begin_round(std::size_t round) {
  if (round == kRefillRound) refill();
  current_ = round % sets_.size();
  const bool must = round < 2 || round == kRefillRound;
  round_checked_ = checks_.on("timed-output") && (must || check_s_ < 0.3 * (now_s() - begin_s_));
  if (round % 64 == 0) reporter_.phase("", fmt::format("measuring, round {}", round));
}

void CaseWorker::before_epoch(std::size_t index, std::size_t round) {
  if (!round_checked_) return;
  const double begin = now_s();
  reporter_.phase(is_ceiling(index) ? "" : techniques_[index]->name,
                  fmt::format("measuring, round {}", round));
  checked_[current_]->before_call(derive_seed(seed_, 1000 + round * 64 + index));
  check_s_ += now_s() - begin;
}

Fault CaseWorker::tampering() {
  if (checks_.on("clock") && !clock_tampered_) {
    const std::string trouble = clock_replaced();
    clock_tampered_ = !trouble.empty();
    if (clock_tampered_) return {"clock", trouble, Outcome::kFailed};
  }
  for (const auto& [name, sentence] : state_changes(state_, settings_now(state_))) {
    if (checks_.on(name.c_str())) return {name, sentence, Outcome::kFailed};
  }
  if (device_ && checks_.on("device-state")) return device_->changed_settings(settings_);
  return {};
}

bool CaseWorker::after_calibration(std::size_t index) {
  if (is_ceiling(index)) return true;
  if (has_fallen(techniques_[index]->name)) return false;
  const Fault fault = tampering();
  if (!fault.found()) return true;
  fell(techniques_[index]->name, fault.outcome, fault.detector,
       "while calibrated: " + fault.reason);
  restore(state_);
  return false;
}

bool CaseWorker::after_epoch(std::size_t index, std::size_t round) {
  if (is_ceiling(index)) return true;
  const Technique& technique = *techniques_[index];
  if (has_fallen(technique.name)) return false;
  Fault fault = tampering();
  if (!fault.found() && round_checked_) {
    const double begin = now_s();
    TechniqueFindings& found = findings_[technique.name];
    fault = checked_[current_]->after_call(2e-3, &found.worst_in_bounds);
    ++found.outputs_checked;
    // What is wrong here was right when verified alone.
    if (fault.detector == "output") fault.detector = "timed-output";
    check_s_ += now_s() - begin;
  }
  if (!fault.found()) return true;
  fell(technique.name, fault.outcome, fault.detector,
       fmt::format("while timed, round {}: {}", round, fault.reason));
  restore(state_);
  return false;
}

bool CaseWorker::passes_after_epoch(std::size_t index, std::size_t round) {
  if (!device_) return after_epoch(index, round);
  bool stays = false;  // what a call left on the device may fail when the outputs are looked at
  guarded(*techniques_[index], "checks after a timed call",
          [&] { stays = after_epoch(index, round); });
  return stays;
}

void CaseWorker::refill() {
  if (!checks_.on("fresh-contents")) return;
  reporter_.phase("", "refreshing inputs");
  sets_[0]->fill(lab_, params_, derive_seed(seed_, 500));
  auto renewed =
      std::make_unique<CheckedSet>(lab_, params_, *sets_[0], checks_, seed_, reference_there());
  renewed->formerly(*checked_[0]);
  old_ = std::move(checked_[0]);
  checked_[0] = std::move(renewed);
}

void CaseWorker::refill_and_check() {
  refill();
  current_ = 0;
  round_checked_ = checks_.on("timed-output");
  for (std::size_t i = 0; i < techniques_.size(); ++i) {
    if (has_fallen(techniques_[i]->name)) continue;
    reporter_.phase(techniques_[i]->name, "checking on fresh contents");
    if (round_checked_) checked_[0]->before_call(derive_seed(seed_, 5000 + i));
    if (lab_.before_each) lab_.before_each(params_, sets_[0]->io());
    time_epoch(contender_of(i), 1);
    after_epoch(i, kRefillRound);
  }
}

void CaseWorker::audit_all() {
  for (std::size_t i = 0; i < techniques_.size(); ++i) {
    const Technique& technique = *techniques_[i];
    if (has_fallen(technique.name)) continue;
    if (device_) {
      guarded(technique, "audit", [&] { audit_on_device(technique, i); });
      continue;
    }
    guarded(technique, "audit", [&] {
      const AuditSubject subject{lab_,
                                 params_,
                                 *sets_[0],
                                 *sets_[1],
                                 *plans_[i],
                                 cpu_ns_[technique.name],
                                 record_.series[technique.name].iterations,
                                 technique.threads};
      Fault fault;
      if (checks_.on("alias")) fault = audit_alias(subject);
      if (!fault.found() && checks_.on("repeat"))
        fault = audit_repeat(subject, derive_seed(seed_, 600 + i));
      if (fault.found()) fell(technique.name, fault.outcome, fault.detector, fault.reason);
    });
  }
}

void CaseWorker::measure_isolated() {
  TrialOptions options;
  options.rules.margin = job_.margin;
  options.rules.level = job_.level;
  if (device_) judge_by_device(options.rules, device_->held());
  options.epoch_ns = job_.epoch_ns;
  options.budget_s = job_.budget_s;
  options.seed = derive_seed(seed_, 700);
  current_ = 1;
  const Contender baseline = contender_of(0);
  for (std::size_t i = 1; i < techniques_.size(); ++i) {
    if (has_fallen(techniques_[i]->name)) continue;
    reporter_.phase(techniques_[i]->name, "isolated mode");
    TechniqueFindings& found = findings_[techniques_[i]->name];
    found.isolated = run_isolated(baseline, contender_of(i), options);
    found.has_isolated = true;
  }
}

void CaseWorker::end_plans() {
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    reporter_.phase(techniques_[i]->name, "ending");
    if (device_) device_->forget_graphs();
    plans_[i].reset();
  }
}

void run_job(const Job& job, Reporter& reporter) {
  if (!job.nvtx || job.device != Device::kCuda) return CaseWorker(job, reporter).run();
  RangeReporter marked(reporter);
  CaseWorker(job, marked).run();
}

}  // namespace aisp::bench
