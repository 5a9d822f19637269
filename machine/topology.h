// The machine as a tree: packages, memory nodes, caches, cores, hardware threads, and the devices
// that hang on them. Plain data from hwloc, with a JSON form that records keep and pictures are
// drawn from. Source: hwloc manual 2.9, "Terms and Definitions", "I/O Devices".
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "machine/facts.h"

namespace aisp::machine {

struct TopologyNode {
  /// "machine", "package", "group", "memory", "cache", "core", "hostbridge", "switch", "gpu",
  /// "disk", "network", "rdma".
  std::string kind;
  std::string label;            // "package 0", "L3 32 MiB", "nvme0n1 3.5 TiB"
  std::vector<int> processors;  // hardware threads below; of a device: empty
  std::string pci_address;      // of a device
  std::vector<TopologyNode> children;
};

/// This machine, or the one in `xml` (as `lstopo --of xml` writes it). Devices that hwloc sees on
/// the PCI bus; `gpus` names those that are GPUs. Tens of milliseconds. A tree of one node when
/// hwloc sees nothing.
TopologyNode read_topology(const std::vector<Gpu>& gpus, const std::string& xml = "");

/// How a device is reached from a GPU.
struct Neighbour {
  const TopologyNode *gpu, *device;
  std::string meet;  // "the same PCIe switch", "the same PCIe root", "package 0", ...
  int steps = 0;     // up from the GPU until they meet
};
/// The disks, network and RDMA devices as seen from each GPU, the nearest first. Points into
/// `machine`.
std::vector<Neighbour> neighbours(const TopologyNode& machine);

/// The part of the machine that a device hangs on: the nearest that has processors.
struct Place {
  const TopologyNode *device, *part;
};
std::vector<Place> places_of_devices(const TopologyNode& machine);

/// {"kind", "label", "processors": "0-3,8", "pci", "children"}; empty members are left out.
nlohmann::ordered_json to_json(const TopologyNode& node);

/// {0,1,2,3,8} -> "0-3,8".
std::string number_list(const std::vector<int>& numbers);

}  // namespace aisp::machine
