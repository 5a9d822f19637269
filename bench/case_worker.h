// One case in one process: verify small sizes alone, then measure all techniques together with
// their outputs checked, then audit what only time can show. worker.cc holds the order of events
// and the measurement, worker_verify.cc what happens before, worker_device.cc what only a GPU
// needs.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/audit.h"
#include "bench/ceiling_loop.h"
#include "bench/clock.h"
#include "bench/device_bench.h"
#include "bench/device_watch.h"
#include "bench/job.h"
#include "bench/process_state.h"
#include "bench/trial.h"

namespace aisp::bench {

// The cheats that the fresh-seed check protects from know this one.
inline constexpr std::uint64_t kPublicSeed = 42;

class CaseWorker {
 public:
  CaseWorker(const Job& job, Reporter& reporter);
  void run();

 private:
  void fell(const std::string& technique, Outcome outcome, const std::string& detector,
            const std::string& reason);
  bool has_fallen(const std::string& name) const {
    return std::find(fallen_.begin(), fallen_.end(), name) != fallen_.end();
  }
  bool baseline_fell() const { return has_fallen(lab_.baseline_on(job_.device)); }
  void drop_the_fallen() {
    std::erase_if(techniques_, [&](const Technique* t) { return has_fallen(t->name); });
  }
  // Runs `body`; exceptions cost the technique, not the process.
  void guarded(const Technique& technique, const std::string& phase,
               const std::function<void()>& body);
  // After an illegal address or the like nothing works in this process any more: it ends, and the
  // supervisor goes on with the others in another one.
  void end_if_broken(const Technique& technique);
  std::size_t device_memory_taken() const;
  void guarded_by_memory(const std::function<void()>& body);
  static bool is_out_of_device_memory(const std::exception& problem);  // by its name in the text
  static std::string out_of_device_memory(const std::string& phase);
  // The device's own reference is believed at full sizes only because it agrees at small ones.
  void verify_references();
  bool reference_there() const {
    return device_ && lab_.reference_on_device && job_.size == "full";
  }
  OnDevice single_calls() const { return device_ ? device_->stream_only() : OnDevice{}; }
  // Small and ragged sizes, one technique at a time, its process-wide traces attributed to it.
  void verify_alone(const Technique& technique);
  bool judge_settings(const Technique& technique, const machine::DeviceSettings& before);
  // A replaced clock stays replaced: whoever did it is named once, the others are not asked again.
  // Times do not depend on it (clock.h).
  void judge_clock(const std::string& technique, const ClockMark& since);
  void verify_declared_work(const Technique& technique);
  void verify_size(const Technique& technique, const Params& params, std::uint64_t label);
  // Names the fault: is this the output of the inputs that everybody can foresee?
  bool right_for_public_seed(const Params& params, std::uint64_t label, const InputSet& set) const;
  bool is_smoke(const Params& params) const;
  // Many calls at the smoke size: leaks show, and clocks get time to disagree.
  void exercise(const Technique& technique);
  // Threads that were told to end may need a moment.
  static ProcessState settled_state(const ProcessState& before);
  // Two sets: the second a near-copy of the first where the lab's data allows.
  void prepare_sets();
  void make_plans();
  Contender contender_of(std::size_t index);
  // Like a CPU's contender, with the device's clock; run, where it stays, warms up.
  void time_on_device(Contender& contender, std::size_t index);
  // Contenders behind the techniques.
  void add_ceilings(std::vector<Contender>& contenders);
  bool is_ceiling(std::size_t index) const { return index >= techniques_.size(); }
  void measure();
  void take_series(const TrialRecord& trial);
  // A round is checked for all its contenders, so that poisoning costs both sides of a pair alike.
  // Checks may take three tenths of the time; the first rounds and those after a refill always run.
  void begin_round(std::size_t round);
  void before_epoch(std::size_t index, std::size_t round);
  // Looked at after every epoch, checked or not: whoever comes next must not be accused of it.
  Fault tampering();
  bool after_calibration(std::size_t index);
  bool after_epoch(std::size_t index, std::size_t round);
  bool passes_after_epoch(std::size_t index, std::size_t round);
  void refill();
  // For trials too short to have reached the refill round.
  void refill_and_check();
  void audit_all();
  void audit_on_device(const Technique& technique, std::size_t index);
  void measure_energy();
  void measure_isolated();
  void end_plans();

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

}  // namespace aisp::bench
