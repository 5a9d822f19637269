// Vital signs of a GPU around a case. See device_watch.h.
#include "bench/device_watch.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/clock.h"
#include "machine/nvml.h"

namespace aisp::bench {
namespace {

using machine::kNvmlSuccess;

// Power follows the load after a few tenths of a second, and the counter steps every 20-100 ms: a
// quarter second from a standing start read 0.149 and 0.254 J for two calls of equal work.
constexpr double kWarmUpSeconds = 0.5, kEnergySeconds = 1.0;
constexpr std::uint64_t kIdleReason = 1;  // nvmlClocksThrottleReasonGpuIdle: nothing holds it down
constexpr unsigned kTemperatureOfGpu = 0;
constexpr unsigned kMostProcesses = 64;

double now_s() { return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC)) * 1e-9; }

}  // namespace

struct DeviceWatch::State {
  machine::Nvml nvml{machine::nvml_library_name()};
  machine::NvmlDevice device = nullptr;
  DeviceVitals vitals;

  bool there() const { return device != nullptr; }

  double power_w() const {
    unsigned milliwatts = 0;
    const bool known =
        there() && nvml.call("nvmlDeviceGetPowerUsage", device, &milliwatts) == kNvmlSuccess;
    return known ? 1e-3 * milliwatts : std::nan("");
  }
  double temperature_c() const {
    unsigned degrees = 0;
    const bool known = there() && nvml.call("nvmlDeviceGetTemperature", device, kTemperatureOfGpu,
                                            &degrees) == kNvmlSuccess;
    return known ? degrees : std::nan("");
  }
  // Joule since the driver was loaded; negative where there is no counter.
  double energy_j() const {
    unsigned long long millijoule = 0;
    const bool known = there() && nvml.call("nvmlDeviceGetTotalEnergyConsumption", device,
                                            &millijoule) == kNvmlSuccess;
    return known ? 1e-3 * static_cast<double>(millijoule) : -1.0;
  }
  // Who computes on it; none where NVML does not tell.
  std::vector<machine::NvmlProcess> processes() const {
    std::vector<machine::NvmlProcess> all(kMostProcesses);
    unsigned count = kMostProcesses;
    const bool known = there() && nvml.call("nvmlDeviceGetComputeRunningProcesses_v3", device,
                                            &count, all.data()) == kNvmlSuccess;
    all.resize(known ? std::min(count, kMostProcesses) : 0);
    return all;
  }
  void look() {
    unsigned long long reasons = 0;
    if (!there()) return;
    if (nvml.call("nvmlDeviceGetCurrentClocksThrottleReasons", device, &reasons) == kNvmlSuccess) {
      vitals.throttle_reasons |= reasons & ~kIdleReason;
    }
    int others = 0;
    for (const machine::NvmlProcess& process : processes()) {
      // Our supervisor measured the ceilings, and holds its context.
      const auto pid = static_cast<pid_t>(process.pid);
      others += pid != getpid() && pid != getppid() ? 1 : 0;
    }
    vitals.other_processes = std::max(vitals.other_processes, others);
  }
};

DeviceWatch::DeviceWatch(const std::string& pci_address) : state_(std::make_unique<State>()) {
  State& s = *state_;
  if (s.nvml.ready() && s.nvml.call("nvmlDeviceGetHandleByPciBusId_v2", pci_address.c_str(),
                                    &s.device) != kNvmlSuccess) {
    s.device = nullptr;
  }
  s.look();
  s.vitals.power_w_before = s.power_w();
  s.vitals.temperature_c_before = s.temperature_c();
}
DeviceWatch::~DeviceWatch() = default;
DeviceWatch::DeviceWatch(DeviceWatch&&) noexcept = default;

void DeviceWatch::joule(const std::string& technique, const std::function<void()>& call) {
  if (state_->energy_j() < 0.0) return;
  // Calls until the counter steps, but no longer than `most_s`; how many.
  const auto until_step = [&](double at_least_s, double most_s) {
    const double begin = now_s(), seen_j = state_->energy_j();
    double now_j = seen_j;
    std::uint64_t calls = 0;
    while (now_s() - begin < most_s && (now_s() - begin < at_least_s || now_j == seen_j)) {
      call();
      ++calls;
      if (now_s() - begin >= at_least_s) now_j = state_->energy_j();
    }
    return calls;
  };
  until_step(kWarmUpSeconds, 2.0 * kWarmUpSeconds);
  until_step(0.0, kWarmUpSeconds);
  const double before_j = state_->energy_j();
  const std::uint64_t calls = until_step(kEnergySeconds, 2.0 * kEnergySeconds);
  const double after_j = state_->energy_j();
  if (after_j > before_j) {
    state_->vitals.joule[technique] = (after_j - before_j) / static_cast<double>(calls);
  }
}

std::optional<std::size_t> DeviceWatch::own_memory() const {
  for (const machine::NvmlProcess& process : state_->processes()) {
    const bool known = process.used_gpu_memory != ~0ull;
    if (static_cast<pid_t>(process.pid) == getpid() && known) return process.used_gpu_memory;
  }
  return std::nullopt;
}

DeviceVitals DeviceWatch::finish() {
  state_->look();
  state_->vitals.power_w_after = state_->power_w();
  state_->vitals.temperature_c_after = state_->temperature_c();
  return state_->vitals;
}

}  // namespace aisp::bench
