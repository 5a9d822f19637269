// What does not need CUDA to be said about a CUDA device. See device.h.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "machine/device_reasons.h"

namespace aisp::machine {

std::string CudaDevice::needs(int at_least_major, int at_least_minor) const {
  if (!why_not.empty()) return why_not;
  if (major * 10 + minor >= at_least_major * 10 + at_least_minor) return "";
  return fmt::format("needs sm_{}{}, {} is sm_{}{}", at_least_major, at_least_minor, name, major,
                     minor);
}

std::string CudaDevice::needs_hopper() const {
  if (!why_not.empty()) return why_not;
  if (major == 9 && minor == 0) return "";
  return fmt::format("needs sm_90 (Hopper's wgmma), {} is sm_{}{}", name, major, minor);
}

std::string why_no_device(const DeviceAnswer& answer) {
  const auto version = [](int number) {
    return fmt::format("{}.{}", number / 1000, number % 1000 / 10);
  };
  if (answer.driver_too_old && answer.driver_version == 0) return "no NVIDIA driver";
  if (answer.driver_too_old) {
    return fmt::format(
        "the NVIDIA driver (CUDA {}) is older than this program's runtime ({}): update the driver",
        version(answer.driver_version), version(answer.runtime_version));
  }
  if (!answer.other_error.empty()) return answer.other_error;
  if (!answer.no_device && answer.count > 0) return "";
  if (!answer.visible) return "no NVIDIA GPU";
  return fmt::format("CUDA_VISIBLE_DEVICES=\"{}\" leaves no GPU", *answer.visible);
}

std::string why_no_code(std::string_view architectures, const CudaDevice& device) {
  const int card = device.major * 10 + device.minor;
  std::string list(architectures);
  std::ranges::replace(list, ',', ' ');
  std::istringstream words(list);
  for (std::string word; words >> word;) {
    const int number = std::atoi(word.c_str());
    const bool of_one_card = word.find('a') < word.find('-');
    if (of_one_card                  ? number == card
        : word.ends_with("-virtual") ? number <= card
                                     : number / 10 == device.major && number % 10 <= device.minor) {
      return "";
    }
  }
  return fmt::format(
      "this build has device code for {} and none for {}: configure it with "
      "-DAISP_CUDA_ARCHS={}-real",
      architectures, device.name, card);
}

bool is_mig_slice(const CudaDevice& device) {
  return device.name.find(" MIG ") != std::string::npos;
}

CudaDevice described_h200() {
  CudaDevice h200;
  h200.why_not = "";
  h200.name = "NVIDIA H200";
  h200.major = 9;
  h200.multiprocessors = 132;
  h200.threads_per_multiprocessor = 2048;
  h200.registers_per_multiprocessor = 65536;
  h200.shared_bytes_per_block = 227 << 10;
  h200.shared_bytes_per_multiprocessor = 228 << 10;
  h200.l2_bytes = std::size_t{60} << 20;
  h200.persisting_l2_bytes = std::size_t{37} << 20;
  h200.memory_bytes = std::size_t{141} << 30;
  h200.cooperative_launch = h200.cluster_launch = h200.memory_pools = true;
  h200.driver_version = h200.runtime_version = 13000;
  return h200;
}

}  // namespace aisp::machine
