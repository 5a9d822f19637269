// How a GPU was while a case ran: power, temperature, what held its clock down, who else was on it,
// and the energy of calls. From NVML; what it does not tell stays absent.
//
// Source: NVML API Reference Guide, r580, "Device Queries", "Clocks Event Reasons".
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bench/record.h"

namespace aisp::bench {

class DeviceWatch {
 public:
  /// Of the GPU at this PCI address. Reads it once.
  explicit DeviceWatch(const std::string& pci_address);
  ~DeviceWatch();
  DeviceWatch(DeviceWatch&&) noexcept;

  /// Measures the energy of `call` (which waits for the device) over about a second of calls after
  /// half a second of warming up, and keeps it under the name. Nothing where NVML has no energy
  /// counter.
  void joule(const std::string& technique, const std::function<void()>& call);

  /// Device memory that this process holds, in bytes; nullopt where NVML does not tell (it sees
  /// other process numbers than we do, or is not there). What others hold does not count.
  std::optional<std::size_t> own_memory() const;

  /// Reads it again.
  DeviceVitals finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace aisp::bench
