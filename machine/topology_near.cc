// What is near what in a tree of the machine. See topology.h.
#include <algorithm>

#include "machine/topology.h"

namespace aisp::machine {
namespace {

using Path = std::vector<const TopologyNode*>;  // from the machine to a device

bool is_device(const TopologyNode& node) {
  return node.kind == "gpu" || node.kind == "disk" || node.kind == "network" || node.kind == "rdma";
}

void collect(const TopologyNode& node, Path& above, std::vector<Path>& devices) {
  above.push_back(&node);
  if (is_device(node)) devices.push_back(above);
  for (const TopologyNode& child : node.children) collect(child, above, devices);
  above.pop_back();
}

std::vector<Path> device_paths(const TopologyNode& machine) {
  Path above;
  std::vector<Path> devices;
  collect(machine, above, devices);
  return devices;
}

std::string meeting_place(const TopologyNode& node) {
  if (node.kind == "switch") return "the same PCIe switch";
  if (node.kind == "hostbridge") return "the same PCIe root";
  if (node.kind == "machine") return "the machine as a whole";
  return node.label;
}

}  // namespace

std::vector<Neighbour> neighbours(const TopologyNode& machine) {
  const std::vector<Path> devices = device_paths(machine);
  std::vector<Neighbour> found;
  for (const Path& gpu : devices) {
    if (gpu.back()->kind != "gpu") continue;
    const std::size_t first = found.size();
    for (const Path& device : devices) {
      if (device.back()->kind == "gpu") continue;
      const auto parting = std::mismatch(gpu.begin(), gpu.end(), device.begin(), device.end());
      const auto steps = static_cast<int>(gpu.end() - parting.first);
      found.push_back({gpu.back(), device.back(), meeting_place(**(parting.first - 1)), steps});
    }
    std::stable_sort(found.begin() + static_cast<std::ptrdiff_t>(first), found.end(),
                     [](const Neighbour& a, const Neighbour& b) { return a.steps < b.steps; });
  }
  return found;
}

std::vector<Place> places_of_devices(const TopologyNode& machine) {
  std::vector<Place> places;
  for (const Path& path : device_paths(machine)) {
    const auto part = std::find_if(path.rbegin(), path.rend(), [](const TopologyNode* node) {
      return !node->processors.empty();
    });
    if (part != path.rend()) places.push_back({path.back(), *part});
  }
  return places;
}

}  // namespace aisp::machine
