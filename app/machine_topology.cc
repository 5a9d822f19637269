// The topology as text. See machine_topology.h.
#include "app/machine_topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/machine_text.h"
#include "base/error.h"
#include "base/text.h"
#include "report/topology_svg.h"

namespace aisp::app {
namespace {

using machine::TopologyNode;

bool is_numbered(const TopologyNode& node) {
  return node.kind == "core" || node.kind == "package" || node.kind == "group";
}

// "core 3" -> "core": what equal neighbours have in common.
std::string common_label(const TopologyNode& node) {
  return is_numbered(node) ? node.label.substr(0, node.label.find_last_of(' ')) : node.label;
}

// Two nodes of one shape differ in their numbers alone. Devices have names, so they always differ.
std::string shape(const TopologyNode& node) {
  std::string text = fmt::format("{}|{}|{}|{}(", node.kind, common_label(node),
                                 node.processors.size(), node.pci_address);
  for (const TopologyNode& child : node.children) text += shape(child);
  return text + ")";
}

void append(const TopologyNode& node, int count, std::vector<int> processors, int depth,
            std::string& text) {
  std::string line = count > 1 ? fmt::format("{} x {}", count, common_label(node)) : node.label;
  const TopologyNode* at = &node;
  while (at->children.size() == 1) {  // a chain is one line
    at = &at->children[0];
    line += fmt::format(" > {}", count > 1 ? common_label(*at) : at->label);
  }
  if (!at->pci_address.empty()) line += fmt::format(" ({}, {})", at->kind, at->pci_address);
  std::sort(processors.begin(), processors.end());
  if (!processors.empty()) line += ": processors " + machine::number_list(processors);
  text += std::string(static_cast<std::size_t>(2 * depth), ' ') + printable(line) + "\n";
  for (std::size_t i = 0; i < at->children.size();) {
    std::vector<int> together;
    std::size_t end = i;
    const std::string like = shape(at->children[i]);
    for (; end < at->children.size() && shape(at->children[end]) == like; ++end) {
      const auto& more = at->children[end].processors;
      together.insert(together.end(), more.begin(), more.end());
    }
    append(at->children[i], static_cast<int>(end - i), std::move(together), depth + 1, text);
    i = end;
  }
}

// "nvme0n1", "GPU 0 (0000:1b:00.0)".
std::string device_name(const TopologyNode& device) {
  if (device.kind != "gpu") return device.label.substr(0, device.label.find(' '));
  return fmt::format("{} ({})", device.label, device.pci_address);
}

void add_listed(std::string& list, const std::string& name) {
  if (!list.empty()) list += ", ";
  list += name;
}

}  // namespace

std::string topology_text(const TopologyNode& machine) {
  std::string text;
  append(machine, 1, machine.processors, 0, text);
  return text;
}

void print_topology(const TopologyNode& machine) {
  fmt::print("Topology\n{}", topology_text(machine));
  Rows places;
  const TopologyNode* part = nullptr;
  for (const auto& place : machine::places_of_devices(machine)) {
    if (place.part != part) {
      part = place.part;
      places.push_back(
          {fmt::format("{}, processors {}", part->label, machine::number_list(part->processors)),
           ""});
    }
    add_listed(places.back().back(), device_name(*place.device));
  }
  if (!places.empty()) fmt::print("\nDevices near processors\n");
  print_table(places, 2);
  Rows reach;
  const TopologyNode* gpu = nullptr;
  std::string meet;
  for (const auto& neighbour : machine::neighbours(machine)) {
    if (neighbour.gpu != gpu || neighbour.meet != meet) {
      gpu = neighbour.gpu;
      meet = neighbour.meet;
      reach.push_back({device_name(*gpu), meet, ""});
    }
    add_listed(reach.back().back(), device_name(*neighbour.device));
  }
  if (!reach.empty()) fmt::print("\nWhere each GPU meets disks and networks, the nearest first\n");
  print_table(reach, 3);
}

void write_topology_svg(const TopologyNode& machine, const std::string& path) {
  const std::string half = path + ".part";
  std::ofstream file(half, std::ios::binary | std::ios::trunc);
  file << report::topology_svg(machine::to_json(machine), /*as_file=*/true) << "\n";
  file.close();
  if (file.fail() || std::rename(half.c_str(), path.c_str()) != 0) {
    std::remove(half.c_str());
    throw Error("cannot be written", path, "choose a file in a folder that you may write");
  }
}

}  // namespace aisp::app
