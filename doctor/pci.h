// PCIe devices as the kernel shows them: links, and the bridges above.
//
// Source: Linux Documentation/ABI/testing/sysfs-bus-pci.
#pragma once

#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

struct PciLink {
  double gt_per_s = 0.0;  // 32 for PCIe 5.0; 0: unknown
  int lanes = 0;          // 0: unknown
  /// Gigabytes a second one way, after line coding.
  double gb_per_s() const;
};

std::string pci_folder(const std::string& address);  // "/sys/bus/pci/devices/0000:1b:00.0"
PciLink link_now(const Evidence& evidence, const std::string& folder);
PciLink link_most(const Evidence& evidence, const std::string& folder);

/// Addresses of the bridges above a device, nearest last; empty: directly on the root, or unknown.
std::vector<std::string> pci_bridges(const Evidence& evidence, const std::string& address);
/// The nearest of them, or "".
std::string pci_parent(const Evidence& evidence, const std::string& address);

/// Where an adapter of /sys/class/infiniband sits; "" unknown.
std::string rdma_address(const Evidence& evidence, const std::string& device);

}  // namespace aisp::doctor
