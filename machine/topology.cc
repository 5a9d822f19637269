// hwloc's objects as plain data. See topology.h.
#include "machine/topology.h"

#include <fmt/format.h>
#include <hwloc.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/text.h"

namespace aisp::machine {
namespace {

using Topology =
    std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, decltype(&hwloc_topology_destroy)>;
using GpuNames = std::map<std::string, std::string>;  // label of each PCI address

Topology load(const std::string& xml) {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return {nullptr, &hwloc_topology_destroy};
  Topology owned(topology, &hwloc_topology_destroy);
  hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
  const int size = static_cast<int>(xml.size()) + 1;
  if (!xml.empty() && hwloc_topology_set_xmlbuffer(topology, xml.c_str(), size) != 0) {
    return {nullptr, &hwloc_topology_destroy};
  }
  if (hwloc_topology_load(topology) != 0) return {nullptr, &hwloc_topology_destroy};
  return owned;
}

std::string size_text(std::uint64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  return fmt::format("{:.{}f} {}", value, value < 10 && value != static_cast<int>(value) ? 1 : 0,
                     units[unit]);
}

std::vector<int> numbers(hwloc_const_bitmap_t set) {
  std::vector<int> list;
  if (set == nullptr || hwloc_bitmap_weight(set) < 0) return list;
  for (int i = hwloc_bitmap_next(set, -1); i >= 0; i = hwloc_bitmap_next(set, i)) list.push_back(i);
  return list;
}

std::string pci_address(hwloc_obj_t object) {
  const auto& pci = object->attr->pcidev;
  return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", static_cast<unsigned>(pci.domain),
                     static_cast<unsigned>(pci.bus), static_cast<unsigned>(pci.dev),
                     static_cast<unsigned>(pci.func));
}

const char* device_kind(hwloc_obj_t device) {
  switch (device->attr->osdev.type) {
    case HWLOC_OBJ_OSDEV_BLOCK:
      return "disk";
    case HWLOC_OBJ_OSDEV_NETWORK:
      return "network";
    case HWLOC_OBJ_OSDEV_OPENFABRICS:
      return "rdma";
    default:
      return "";
  }
}

// "nvme0n1 3.5 TiB": hwloc gives the size of a disk in KiB.
std::string device_label(hwloc_obj_t device) {
  std::string label = printable(device->name == nullptr ? "unnamed" : device->name);
  if (const char* kib = hwloc_obj_get_info_by_name(device, "Size")) {
    label += " " + size_text(std::strtoull(kib, nullptr, 10) * 1024);
  }
  return label;
}

void add_io(hwloc_obj_t object, const std::string& address, const GpuNames& gpus,
            std::vector<TopologyNode>& into);

void add_io_children(hwloc_obj_t object, const std::string& address, const GpuNames& gpus,
                     std::vector<TopologyNode>& into) {
  for (hwloc_obj_t child = object->io_first_child; child != nullptr; child = child->next_sibling) {
    add_io(child, address, gpus, into);
  }
}

// A bridge stays in the tree when it leads to two devices or more: then it says who is near whom. A
// GPU, or a device that Linux has a name for, becomes a leaf; all else on the bus is left out.
void add_io(hwloc_obj_t object, const std::string& address, const GpuNames& gpus,
            std::vector<TopologyNode>& into) {
  if (object->type == HWLOC_OBJ_BRIDGE) {
    const bool host = object->attr->bridge.upstream_type == HWLOC_OBJ_BRIDGE_HOST;
    TopologyNode bridge{
        host ? "hostbridge" : "switch", host ? "PCIe root" : "PCIe switch", {}, "", {}};
    add_io_children(object, address, gpus, bridge.children);
    if (bridge.children.size() > 1) {
      into.push_back(std::move(bridge));
    } else {
      for (TopologyNode& only : bridge.children) into.push_back(std::move(only));
    }
    return;
  }
  if (object->type == HWLOC_OBJ_PCI_DEVICE) {
    const std::string own = pci_address(object);
    const unsigned kind = object->attr->pcidev.class_id;
    const auto gpu = gpus.find(own);
    // 0300: display, 0302: 3D, 1200: processing accelerator.
    if (gpu != gpus.end()) {
      into.push_back({"gpu", gpu->second, {}, own, {}});
    } else if (kind == 0x0300 || kind == 0x0302 || kind == 0x1200) {
      const char* name = hwloc_obj_get_info_by_name(object, "PCIDevice");
      into.push_back({"gpu", name == nullptr ? "unnamed GPU" : printable(name), {}, own, {}});
    }
    add_io_children(object, own, gpus, into);
    return;
  }
  if (object->type == HWLOC_OBJ_OS_DEVICE && *device_kind(object) != '\0') {
    into.push_back({device_kind(object), device_label(object), {}, address, {}});
  }
}

std::string node_label(hwloc_obj_t object) {
  const std::uint64_t bytes = object->attr->numanode.local_memory;
  const std::string name = fmt::format("NUMA node {}", object->os_index);
  return bytes > 0 ? fmt::format("{} {}", name, size_text(bytes)) : name;
}

std::string label_of(hwloc_obj_t object) {
  switch (object->type) {
    case HWLOC_OBJ_MACHINE:
      return "machine";
    case HWLOC_OBJ_PACKAGE:
      return fmt::format("package {}", object->logical_index);
    case HWLOC_OBJ_NUMANODE:
      return node_label(object);
    case HWLOC_OBJ_CORE:
      return fmt::format("core {}", object->logical_index);
    case HWLOC_OBJ_DIE:
      return fmt::format("die {}", object->logical_index);
    case HWLOC_OBJ_GROUP:
      return fmt::format("group {}", object->logical_index);
    default:
      break;
  }
  if (!hwloc_obj_type_is_cache(object->type)) return "part";
  const auto& cache = object->attr->cache;
  const char* kind = cache.type == HWLOC_OBJ_CACHE_DATA          ? "d"
                     : cache.type == HWLOC_OBJ_CACHE_INSTRUCTION ? "i"
                                                                 : "";
  return fmt::format("L{}{} {}", cache.depth, kind, size_text(cache.size));
}

const char* kind_of(hwloc_obj_t object) {
  if (hwloc_obj_type_is_cache(object->type)) return "cache";
  switch (object->type) {
    case HWLOC_OBJ_MACHINE:
      return "machine";
    case HWLOC_OBJ_PACKAGE:
      return "package";
    case HWLOC_OBJ_NUMANODE:
      return "memory";
    case HWLOC_OBJ_CORE:
      return "core";
    default:
      return "group";
  }
}

TopologyNode convert(hwloc_obj_t object, const GpuNames& gpus) {
  TopologyNode node{kind_of(object), label_of(object), numbers(object->cpuset), "", {}};
  for (hwloc_obj_t memory = object->memory_first_child; memory != nullptr;
       memory = memory->next_sibling) {
    if (memory->type == HWLOC_OBJ_NUMANODE) {
      node.children.push_back({"memory", label_of(memory), {}, "", {}});
    }
  }
  for (unsigned i = 0; i < object->arity; ++i) {
    hwloc_obj_t child = object->children[i];
    // Where a virtual machine shows no cores, each hardware thread stands for one.
    if (child->type == HWLOC_OBJ_PU) {
      if (object->type == HWLOC_OBJ_CORE) continue;
      node.children.push_back(
          {"core", fmt::format("processor {}", child->os_index), numbers(child->cpuset), "", {}});
      continue;
    }
    node.children.push_back(convert(child, gpus));
  }
  add_io_children(object, "", gpus, node.children);
  return node;
}

}  // namespace

TopologyNode read_topology(const std::vector<Gpu>& gpus, const std::string& xml) {
  GpuNames names;
  for (const Gpu& gpu : gpus) {
    if (gpu.pci_address.empty()) continue;
    names[gpu.pci_address] = fmt::format("GPU {} {}", gpu.index, gpu.name);
  }
  const Topology topology = load(xml);
  if (!topology) return {"machine", "machine (hwloc sees nothing)", {}, "", {}};
  return convert(hwloc_get_root_obj(topology.get()), names);
}

std::string number_list(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i;
    while (end + 1 < numbers.size() && numbers[end + 1] == numbers[end] + 1) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[i]);
    if (end > i) text += fmt::format("-{}", numbers[end]);
    i = end + 1;
  }
  return text;
}

nlohmann::ordered_json to_json(const TopologyNode& node) {
  nlohmann::ordered_json json = {{"kind", node.kind}, {"label", node.label}};
  if (!node.processors.empty()) json["processors"] = number_list(node.processors);
  if (!node.pci_address.empty()) json["pci"] = node.pci_address;
  for (const TopologyNode& child : node.children) json["children"].push_back(to_json(child));
  return json;
}

}  // namespace aisp::machine
