// One case in one process: verify small sizes alone, then measure all techniques together with
// their outputs checked, then audit what only time can show. The order of this file is the order of
// events.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/rng.h"
#include "bench/audit.h"
#include "bench/ceiling_loop.h"
#include "bench/clock.h"
#include "bench/device_bench.h"
#include "bench/device_watch.h"
#include "bench/job.h"
#include "bench/process_state.h"
#include "bench/trial.h"
#include "bench/verify.h"
#include "machine/vector_state.h"

namespace aisp::bench {
namespace {

// The cheats that the fresh-seed check protects from know this one.
constexpr std::uint64_t kPublicSeed = 42;

// The round at which set 0 gets other contents under the same pointers.
constexpr std::size_t kRefillRound = 8;

// A worker whose CUDA context is lost ends with this code.
constexpr int kContextLost = 8;

double now_s() { return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC)) * 1e-9; }

class CaseWorker {
 public:
  CaseWorker(const Job& job, Reporter& reporter)
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
      device_ = std::make_unique<DeviceBench>(DeviceBenchOptions{job.cache, job.graph, held});
    }
  }

  void run() {
    record_.seed = job_.seed;
    const double begin = now_s();
    if (device_) verify_references();
    if (device_) vitals_.emplace(machine::cuda_device().pci_address);
    for (const Technique* technique : techniques_) verify_alone(*technique);
    drop_the_fallen();
    if (!techniques_.empty()) {
      prepare_sets();
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

 private:
  void fell(const std::string& technique, Outcome outcome, const std::string& detector,
            const std::string& reason) {
    if (has_fallen(technique)) return;
    fallen_.push_back(technique);
    reporter_.outcome(technique, outcome, detector, reason);
  }
  bool has_fallen(const std::string& name) const {
    return std::find(fallen_.begin(), fallen_.end(), name) != fallen_.end();
  }
  bool baseline_fell() const { return has_fallen(lab_.baseline_on(job_.device)); }
  void drop_the_fallen() {
    std::erase_if(techniques_, [&](const Technique* t) { return has_fallen(t->name); });
  }

  // Runs `body`; exceptions cost the technique, not the process.
  void guarded(const Technique& technique, const std::string& phase,
               const std::function<void()>& body) {
    reporter_.phase(technique.name, phase);
    try {
      body();
    } catch (const std::bad_alloc&) {
      fell(technique.name, Outcome::kFailed, "memory-limit",
           fmt::format("out of memory during {} (limit {} MiB)", phase,
                       job_.memory_limit_bytes >> 20));
    } catch (const std::exception& problem) {
      fell(technique.name, Outcome::kFailed, "isolation",
           fmt::format("{} during {}", problem.what(), phase));
    }
    end_if_broken(technique);
  }

  // After an illegal address or the like nothing works in this process any more: it ends, and the
  // supervisor goes on with the others in another one.
  void end_if_broken(const Technique& technique) {
    if (!device_ || !has_fallen(technique.name)) return;
    const std::string broken = machine::device_broken();
    if (broken.empty()) return;
    reporter_.phase(technique.name, "the device's context is lost: " + broken);
    std::_Exit(kContextLost);
  }

  // The device's own reference is believed at full sizes only because it agrees at small ones.
  void verify_references() {
    if (!lab_.reference_on_device) return;
    reporter_.phase("", "comparing the references");
    for (const Case& one : lab_.cases) {
      if (one.name != job_.case_name) continue;
      InputSet set(lab_.problem(one.smoke), job_.scratch_folder, device_->stream_only());
      set.fill(lab_, one.smoke, derive_seed(seed_, 50));
      const std::string apart = references_disagree(lab_, one.smoke, set);
      if (!apart.empty()) throw Error("the lab's two references disagree: " + apart, job_.lab, "");
    }
  }

  bool reference_there() const {
    return device_ && lab_.reference_on_device && job_.size == "full";
  }
  OnDevice single_calls() const { return device_ ? device_->stream_only() : OnDevice{}; }

  // Small and ragged sizes, one technique at a time, its process-wide traces attributed to it.
  void verify_alone(const Technique& technique) {
    const ProcessState before = process_state();
    const auto settings = device_ ? device_->settings() : machine::DeviceSettings{};
    const ClockMark clocks = mark_clocks();
    guarded(technique, "verification", [&] {
      if (checks_.on("declared-work")) verify_declared_work(technique);
      std::vector<Params> sizes;
      for (const Case& one : lab_.cases) {
        if (one.name == job_.case_name) sizes.push_back(one.smoke);
      }
      if (checks_.on("ragged")) sizes.insert(sizes.end(), lab_.ragged.begin(), lab_.ragged.end());
      for (std::size_t i = 0; i < sizes.size() && !has_fallen(technique.name); ++i) {
        verify_size(technique, sizes[i], 100 + i);
      }
      if (!has_fallen(technique.name)) exercise(technique);
    });
    const ProcessState after = settled_state(before);
    for (const auto& [name, sentence] : state_changes(before, after)) {
      if (checks_.on(name.c_str())) fell(technique.name, Outcome::kFailed, name, sentence);
    }
    if (device_) judge_settings(technique, settings);
    judge_clock(technique.name, clocks);
    restore(before);
  }

  bool judge_settings(const Technique& technique, const machine::DeviceSettings& before) {
    if (!checks_.on("device-state")) return true;
    const Fault fault = device_->changed_settings(before);
    if (fault.found()) fell(technique.name, fault.outcome, fault.detector, fault.reason);
    return !fault.found();
  }

  // A replaced clock stays replaced: whoever did it is named once, the others are not asked again.
  // Times do not depend on it (clock.h).
  void judge_clock(const std::string& technique, const ClockMark& since) {
    if (clock_tampered_ || !checks_.on("clock")) return;
    std::string trouble = clock_replaced();
    if (trouble.empty()) trouble = clocks_disagree(since, mark_clocks());
    if (trouble.empty()) return;
    clock_tampered_ = true;
    fell(technique, Outcome::kFailed, "clock", "clocks disagree: " + trouble);
  }

  void verify_declared_work(const Technique& technique) {
    if (!technique.work) return;
    const Work mine = technique.work(params_), ours = lab_.work(params_);
    if (mine.flops == ours.flops && mine.items == ours.items) return;
    fell(technique.name, Outcome::kFailed, "declared-work",
         fmt::format("declares {:.6g} flops and {:.6g} items, the problem has {:.6g} and {:.6g}",
                     mine.flops, mine.items, ours.flops, ours.items));
  }

  void verify_size(const Technique& technique, const Params& params, std::uint64_t label) {
    const std::uint64_t seed = derive_seed(seed_, label);
    const auto plan = technique.plan(params);
    InputSet set(lab_.problem(params), job_.scratch_folder, single_calls());
    set.fill(lab_, params, seed);
    const bool advertised = is_smoke(params);
    if (advertised && checks_.on("input-data")) {
      if (const auto poor = poor_input(set); !poor.empty()) {
        fell(technique.name, Outcome::kFailed, "input-data", poor);
        return;
      }
    }
    CheckedSet checked(lab_, params, set, checks_, seed);
    checked.before_call(derive_seed(seed, 3));
    if (lab_.before_each) lab_.before_each(params, set.io());
    if (machine::cpu().avx2) machine::clear_upper_halves();
    plan->run(set.io(), 1);
    if (machine::upper_halves_dirty() && checks_.on("vector-state")) {
      fell(technique.name, Outcome::kFailed, "vector-state",
           "returned without vzeroupper: SSE code that runs after it is slowed down");
      return;
    }
    const Fault fault = checked.after_call(0.0, &findings_[technique.name].worst_in_bounds);
    ++findings_[technique.name].outputs_checked;
    if (!fault.found()) return;
    std::string sizes, detector = fault.detector;
    for (const auto& [name, value] : params.values()) sizes += fmt::format(" {}={}", name, value);
    const bool never_right = detector == "output" || detector == "poison";
    if (never_right && !advertised) detector = "ragged";
    if (detector == "output" && right_for_public_seed(params, label, set)) detector = "fresh-seed";
    fell(technique.name, Outcome::kWrong, detector, fmt::format("at{}: {}", sizes, fault.reason));
  }

  // Names the fault: is this the output of the inputs that everybody can foresee?
  bool right_for_public_seed(const Params& params, std::uint64_t label, const InputSet& set) const {
    if (!checks_.on("fresh-seed")) return false;
    InputSet foreseen(lab_.problem(params), job_.scratch_folder);
    foreseen.fill(lab_, params, derive_seed(kPublicSeed, label));
    return wrong_output(lab_, params, set, compute_expected(lab_, params, foreseen)).empty();
  }

  bool is_smoke(const Params& params) const {
    return std::any_of(lab_.cases.begin(), lab_.cases.end(),
                       [&](const Case& one) { return one.smoke == params; });
  }

  // Many calls at the smoke size: leaks show, and clocks get time to disagree.
  void exercise(const Technique& technique) {
    const Case& one = *std::find_if(lab_.cases.begin(), lab_.cases.end(),
                                    [&](const Case& c) { return c.name == job_.case_name; });
    const auto plan = technique.plan(one.smoke);
    InputSet set(lab_.problem(one.smoke), job_.scratch_folder, single_calls());
    set.fill(lab_, one.smoke, derive_seed(seed_, 7));
    const auto call = [&] {
      if (lab_.before_each) lab_.before_each(one.smoke, set.io());
      plan->run(set.io(), 1);
      set.wait();
    };
    for (int i = 0; i < 4; ++i) call();
    const ProcessState before = process_state();
    const double begin = now_s();
    std::uint64_t calls = 0;
    while ((calls < 64 && now_s() - begin < 1.0) || (calls < 8192 && now_s() - begin < 0.02)) {
      call();
      ++calls;
    }
    const std::string leak = memory_leak(before, process_state(), calls);
    if (!leak.empty() && checks_.on("leak")) {
      fell(technique.name, Outcome::kFailed, "leak", leak);
    }
    if (!device_) return;
    Fault fault;
    if (checks_.on("other-stream")) fault = device_->audit_streams(*plan, set);
    if (!fault.found() && checks_.on("leak")) fault = device_->audit_leak(*plan, set);
    if (fault.found()) fell(technique.name, fault.outcome, fault.detector, fault.reason);
  }

  // Threads that were told to end may need a moment.
  static ProcessState settled_state(const ProcessState& before) {
    ProcessState after = process_state();
    for (int wait = 0; wait < 20 && after.threads > before.threads; ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      after = process_state();
    }
    return after;
  }

  // Two sets: the second a near-copy of the first where the lab's data allows.
  void prepare_sets() {
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

  void make_plans() {
    plans_.resize(techniques_.size());
    for (std::size_t i = 0; i < techniques_.size(); ++i) {
      guarded(*techniques_[i], "planning", [&] { plans_[i] = techniques_[i]->plan(params_); });
    }
    std::erase_if(plans_, [](const auto& plan) { return plan == nullptr; });
  }

  Contender contender_of(std::size_t index) {
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

  // Like a CPU's contender, with the device's clock; run, where it stays, warms up.
  void time_on_device(Contender& contender, std::size_t index) {
    contender.most_iterations = device_->most_iterations();
    contender.timed = [this, index](std::uint64_t n, bool*) -> Sample {
      const Technique& technique = *techniques_[index];
      if (has_fallen(technique.name)) return {1.0, 1.0, 0.0};
      Sample sample{1.0, 1.0, 0.0};
      std::function<void()> before;
      if (lab_.before_each) before = [this] { lab_.before_each(params_, sets_[current_]->io()); };
      guarded(technique, "timed call",
              [&] { sample = device_->epoch(*plans_[index], *sets_[current_], n, before); });
      return sample;
    };
    contender.run = [this, index](std::uint64_t) {
      const Technique& technique = *techniques_[index];
      if (has_fallen(technique.name) || !device_->warm()) return;
      guarded(technique, "warm-up", [&] { device_->call(*plans_[index], *sets_[current_]); });
    };
  }

  // Contenders behind the techniques.
  void add_ceilings(std::vector<Contender>& contenders) {
    for (const int threads : job_.ceiling_threads) {
      reporter_.phase("", "choosing a ceiling's loop");
      ceilings_.push_back(std::make_unique<CeilingLoop>(lab_.work(params_), sets_, threads));
      findings_[ceiling_name(threads)].kernel = ceilings_.back()->kernel();
      contenders.push_back(ceilings_.back()->companion(current_));
      contenders.back().before_each = contenders.front().before_each;
    }
  }
  bool is_ceiling(std::size_t index) const { return index >= techniques_.size(); }
  void measure() {
    std::vector<Contender> contenders;
    for (std::size_t i = 0; i < techniques_.size(); ++i) contenders.push_back(contender_of(i));
    add_ceilings(contenders);
    TrialOptions options;
    options.rules.margin = job_.margin;
    options.rules.level = job_.level;
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
    hooks.after = [this](std::size_t i, std::size_t round) { return after_epoch(i, round); };
    reporter_.phase("", "measuring");
    TrialRecord trial = run_trial(contenders, options, hooks);
    if (trial.rounds <= kRefillRound) refill_and_check();
    judge_clock(lab_.baseline_on(job_.device), clocks);
    take_series(trial);
    ceilings_.clear();  // audits count the CPU time of all threads: none of theirs
  }

  void take_series(const TrialRecord& trial) {
    for (std::size_t i = 0; i < trial.contenders.size(); ++i) {
      const ContenderRecord& contender = trial.contenders[i];
      const std::size_t epochs = contender.samples.size();
      const double scale = is_ceiling(i) ? ceilings_[i - techniques_.size()]->scale() : 1.0;
      if (!is_ceiling(i) && checks_.on("clock") && epochs >= 8 &&
          2 * contender.clock_conflicts > epochs) {
        fell(contender.name, Outcome::kFailed, "clock",
             fmt::format("the time-stamp counter says less time than the CPU clock in {} of {} "
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

  // A round is checked for all its contenders, so that poisoning costs both sides of a pair alike.
  // Checks may take three tenths of the time; the first rounds and those after a refill always run.
  void begin_round(std::size_t round) {
    if (round == kRefillRound) refill();
    current_ = round % sets_.size();
    const bool must = round < 2 || round == kRefillRound;
    round_checked_ = checks_.on("timed-output") && (must || check_s_ < 0.3 * (now_s() - begin_s_));
    if (round % 64 == 0) reporter_.phase("", fmt::format("measuring, round {}", round));
  }

  void before_epoch(std::size_t index, std::size_t round) {
    if (!round_checked_) return;
    const double begin = now_s();
    reporter_.phase(is_ceiling(index) ? "" : techniques_[index]->name,
                    fmt::format("measuring, round {}", round));
    checked_[current_]->before_call(derive_seed(seed_, 1000 + round * 64 + index));
    check_s_ += now_s() - begin;
  }

  // Looked at after every epoch, checked or not: whoever comes next must not be accused of it.
  Fault tampering() {
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

  bool after_calibration(std::size_t index) {
    if (is_ceiling(index)) return true;
    if (has_fallen(techniques_[index]->name)) return false;
    const Fault fault = tampering();
    if (!fault.found()) return true;
    fell(techniques_[index]->name, fault.outcome, fault.detector,
         "while calibrated: " + fault.reason);
    restore(state_);
    return false;
  }

  bool after_epoch(std::size_t index, std::size_t round) {
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

  void refill() {
    if (!checks_.on("fresh-contents")) return;
    reporter_.phase("", "refreshing inputs");
    sets_[0]->fill(lab_, params_, derive_seed(seed_, 500));
    auto renewed =
        std::make_unique<CheckedSet>(lab_, params_, *sets_[0], checks_, seed_, reference_there());
    renewed->formerly(*checked_[0]);
    old_ = std::move(checked_[0]);
    checked_[0] = std::move(renewed);
  }

  // For trials too short to have reached the refill round.
  void refill_and_check() {
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

  void audit_all() {
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

  void audit_on_device(const Technique& technique, std::size_t index) {
    if (lab_.before_each || !checks_.on("repeat")) return;
    const Fault fault = device_->audit_repeat(lab_, params_, *plans_[index], *sets_[0],
                                              derive_seed(seed_, 600 + index));
    if (fault.found()) fell(technique.name, fault.outcome, fault.detector, fault.reason);
  }

  void measure_energy() {
    for (std::size_t i = 0; i < techniques_.size(); ++i) {
      if (has_fallen(techniques_[i]->name) || lab_.before_each) continue;
      guarded(*techniques_[i], "energy", [&] {
        vitals_->joule(techniques_[i]->name, [&] { device_->call(*plans_[i], *sets_[0]); });
      });
    }
  }

  void measure_isolated() {
    TrialOptions options;
    options.rules.margin = job_.margin;
    options.rules.level = job_.level;
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

  void end_plans() {
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      reporter_.phase(techniques_[i]->name, "ending");
      if (device_) device_->forget_graphs();
      plans_[i].reset();
    }
  }

  const Job& job_;
  Reporter& reporter_;
  Checks checks_;
  Lab lab_;
  std::uint64_t seed_;
  Params params_;
  std::unique_ptr<DeviceBench> device_;  // cases on a GPU; outlives sets and plans
  std::optional<DeviceWatch> vitals_;
  std::vector<const Technique*> techniques_;
  std::vector<std::string> fallen_;
  std::vector<std::unique_ptr<InputSet>> sets_;
  std::vector<std::unique_ptr<CheckedSet>> checked_;
  std::unique_ptr<CheckedSet> old_;
  std::vector<std::unique_ptr<Plan>> plans_;
  std::vector<std::unique_ptr<CeilingLoop>> ceilings_;
  std::map<std::string, double> cpu_ns_;
  std::map<std::string, TechniqueFindings> findings_;
  ProcessRecord record_;
  ProcessState state_;
  machine::DeviceSettings settings_;
  std::size_t current_ = 0;
  bool round_checked_ = true;
  bool clock_tampered_ = false;
  double begin_s_ = 0.0, check_s_ = 0.0;
};

}  // namespace

void run_job(const Job& job, Reporter& reporter) { CaseWorker(job, reporter).run(); }

}  // namespace aisp::bench
