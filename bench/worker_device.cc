// What a worker does only for cases on a GPU. See case_worker.h and device_bench.h.
#include <fmt/format.h>

#include "base/error.h"
#include "base/rng.h"
#include "bench/case_worker.h"
#include "bench/verify.h"

namespace aisp::bench {
namespace {

// A worker whose CUDA context is lost ends with this code.
constexpr int kContextLost = 8;

}  // namespace

void CaseWorker::end_if_broken(const Technique& technique) {
  if (!device_ || !has_fallen(technique.name)) return;
  const std::string broken = machine::device_broken();
  if (broken.empty()) return;
  // Reported already, by whom it cost; should this process hang now, the supervisor knows where.
  reporter_.phase(technique.name, "the end of a process that lost its device");
  std::_Exit(kContextLost);
}

// Of this process where NVML tells, or others on the card would look like leaks.
std::size_t CaseWorker::device_memory_taken() const {
  if (const auto own = vitals_->own_memory()) return *own;
  return machine::cuda_device().memory_bytes - machine::device_memory_free();
}

bool CaseWorker::is_out_of_device_memory(const std::exception& problem) {
  return std::string_view(problem.what()).find("cudaErrorMemoryAllocation") != std::string::npos;
}

std::string CaseWorker::out_of_device_memory(const std::string& phase) {
  constexpr double kGib = 1 << 30;
  return fmt::format("out of device memory during {}: {:.1f} of {:.1f} GiB are free now", phase,
                     static_cast<double>(machine::device_memory_free()) / kGib,
                     static_cast<double>(machine::cuda_device().memory_bytes) / kGib);
}

void CaseWorker::verify_references() {
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

bool CaseWorker::judge_settings(const Technique& technique, const machine::DeviceSettings& before) {
  if (!checks_.on("device-state")) return true;
  const Fault fault = device_->changed_settings(before);
  if (fault.found()) fell(technique.name, fault.outcome, fault.detector, fault.reason);
  return !fault.found();
}

void CaseWorker::time_on_device(Contender& contender, std::size_t index) {
  contender.most_iterations = device_->most_iterations();
  contender.timed = [this, index](std::uint64_t n, bool*) -> Sample {
    const Technique& technique = *techniques_[index];
    if (has_fallen(technique.name)) return {1.0, 1.0, 0.0};
    Sample sample{1.0, 1.0, 0.0};
    std::function<void()> before;
    if (lab_.before_each) before = [this] { lab_.before_each(params_, sets_[current_]->io()); };
    guarded(technique, "timed call", [&] {
      try {
        sample = device_->epoch(*plans_[index], *sets_[current_], n, before);
      } catch (const CannotBeHeld& problem) {
        fell(technique.name, Outcome::kFailed, "hold", problem.what());
      }
    });
    return sample;
  };
  contender.run = [this, index](std::uint64_t) {
    const Technique& technique = *techniques_[index];
    if (has_fallen(technique.name)) return;
    guarded(technique, "warm-up", [&] { device_->warm_up(*plans_[index], *sets_[current_]); });
  };
}

void CaseWorker::audit_on_device(const Technique& technique, std::size_t index) {
  if (lab_.before_each || !checks_.on("repeat")) return;
  const Fault fault = device_->audit_repeat(lab_, params_, *plans_[index], *sets_[0],
                                            derive_seed(seed_, 600 + index));
  if (fault.found()) fell(technique.name, fault.outcome, fault.detector, fault.reason);
}

void CaseWorker::measure_energy() {
  for (std::size_t i = 0; i < techniques_.size(); ++i) {
    if (has_fallen(techniques_[i]->name) || lab_.before_each) continue;
    guarded(*techniques_[i], "energy", [&] {
      vitals_->joule(techniques_[i]->name, [&] { device_->call(*plans_[i], *sets_[0]); });
    });
  }
}

}  // namespace aisp::bench
