// What a worker does before it measures: each technique alone at small and ragged sizes, with what
// it leaves behind in the process. See case_worker.h.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/rng.h"
#include "bench/case_worker.h"
#include "bench/verify.h"
#include "machine/vector_state.h"

namespace aisp::bench {
void CaseWorker::verify_alone(const Technique& technique) {
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

void CaseWorker::judge_clock(const std::string& technique, const ClockMark& since) {
  if (clock_tampered_ || !checks_.on("clock")) return;
  std::string trouble = clock_replaced();
  if (trouble.empty()) trouble = clocks_disagree(since, mark_clocks());
  if (trouble.empty()) return;
  clock_tampered_ = true;
  fell(technique, Outcome::kFailed, "clock", "clocks disagree: " + trouble);
}

void CaseWorker::verify_declared_work(const Technique& technique) {
  if (!technique.work) return;
  const Work mine = technique.work(params_), ours = lab_.work(params_);
  if (mine.flops == ours.flops && mine.items == ours.items) return;
  fell(technique.name, Outcome::kFailed, "declared-work",
       fmt::format("declares {:.6g} flops and {:.6g} items, the problem has {:.6g} and {:.6g}",
                   mine.flops, mine.items, ours.flops, ours.items));
}

void CaseWorker::verify_size(const Technique& technique, const Params& params,
                             std::uint64_t label) {
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
  // Work that nobody joined to the stream is to be named as that (exercise), not as wrong outputs.
  if (device_) machine::device_wait();
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

bool CaseWorker::right_for_public_seed(const Params& params, std::uint64_t label,
                                       const InputSet& set) const {
  if (!checks_.on("fresh-seed")) return false;
  InputSet foreseen(lab_.problem(params), job_.scratch_folder);
  foreseen.fill(lab_, params, derive_seed(kPublicSeed, label));
  return wrong_output(lab_, params, set, compute_expected(lab_, params, foreseen)).empty();
}

bool CaseWorker::is_smoke(const Params& params) const {
  return std::any_of(lab_.cases.begin(), lab_.cases.end(),
                     [&](const Case& one) { return one.smoke == params; });
}

void CaseWorker::exercise(const Technique& technique) {
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
  const std::string leak = memory_leak(call);
  if (!leak.empty() && checks_.on("leak")) {
    fell(technique.name, Outcome::kFailed, "leak", leak);
  }
  if (!device_) return;
  Fault fault;
  if (checks_.on("other-stream")) fault = device_->audit_streams(*plan, set);
  if (!fault.found() && checks_.on("leak")) {
    fault = device_->audit_leak(*plan, set, [this] { return device_memory_taken(); });
  }
  if (fault.found()) fell(technique.name, fault.outcome, fault.detector, fault.reason);
}

ProcessState CaseWorker::settled_state(const ProcessState& before) {
  ProcessState after = process_state();
  for (int wait = 0; wait < 20 && after.threads > before.threads; ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    after = process_state();
  }
  return after;
}

}  // namespace aisp::bench
