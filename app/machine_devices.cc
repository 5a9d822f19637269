// Disks, network, libraries, container and limits, and what could not be seen, as `aisp machine`
// shows them. What is absent is left out here and has its reason in the last section.
#include <fmt/format.h>

#include <algorithm>

#include "app/machine_text.h"

namespace aisp::app {
namespace {

using machine::Facts;
using machine::Limits;
using machine::Maybe;

std::string limit_text(const Maybe<std::uint64_t>& limit, bool bytes) {
  if (!limit) return "unknown";
  if (*limit == Limits::kUnlimited) return "unlimited";
  return bytes ? size_text(*limit) : fmt::format("{}", *limit);
}

std::string near_node(const Maybe<int>& node) {
  return node ? fmt::format(", NUMA node {}", *node) : "";
}

std::string disk_text(const machine::Disk& disk) {
  std::string text = size_text(disk.size_bytes);
  if (!disk.model.empty()) text += ", " + disk.model;
  if (disk.rotational) text += *disk.rotational ? ", rotating" : ", solid state";
  if (!disk.scheduler.empty()) text += ", scheduler " + disk.scheduler;
  if (disk.read_ahead_kb) text += fmt::format(", read-ahead {} KiB", *disk.read_ahead_kb);
  if (disk.queue_depth) text += fmt::format(", queue of {}", *disk.queue_depth);
  return text + near_node(disk.numa_node);
}

std::string network_text(const machine::NetworkDevice& device) {
  std::string text = device.state.empty() ? "state unknown" : device.state;
  if (device.speed_mbit) text += fmt::format(", {} Mbit/s", *device.speed_mbit);
  if (device.mtu) text += fmt::format(", MTU {}", *device.mtu);
  if (!device.driver.empty()) text += ", driver " + device.driver;
  return text + near_node(device.numa_node);
}

std::string rdma_text(const machine::RdmaPort& port) {
  std::string text = fmt::format("{}, {}", port.state, port.physical_state);
  if (port.gbit_per_s) text += fmt::format(", {:g} Gbit/s", *port.gbit_per_s);
  if (!port.link_layer.empty()) text += ", " + port.link_layer;
  if (!port.firmware.empty()) text += ", firmware " + port.firmware;
  return text + near_node(port.numa_node);
}

}  // namespace

void print_devices(const Facts& facts) {
  fmt::print("\nDevices\n");
  Rows rows;
  if (facts.gpus.empty()) rows.push_back({"GPUs", "none seen (see the end)"});
  for (const auto& disk : facts.disks) rows.push_back({"disk " + disk.name, disk_text(disk)});
  std::vector<std::string> others;
  for (const auto& device : facts.network) {
    if (device.physical) {
      rows.push_back({"network " + device.name, network_text(device)});
    } else {
      others.push_back(device.name);
    }
  }
  if (!others.empty())
    rows.push_back({"virtual network", fmt::format("{}", fmt::join(others, " "))});
  for (const auto& port : facts.rdma) {
    rows.push_back({fmt::format("RDMA {} port {}", port.device, port.port), rdma_text(port)});
  }
  print_table(rows, 2);
  print_gpus(facts);
}

void print_libraries(const Facts& facts) {
  fmt::print("\nLibraries (those that the loader finds)\n");
  Rows rows;
  if (!facts.gpu_driver.empty()) rows.push_back({"GPU driver", facts.gpu_driver, ""});
  if (!facts.cuda_driver.empty()) {
    rows.push_back({"CUDA", facts.cuda_driver, "at most, by the driver"});
  }
  for (const auto& library : facts.libraries) {
    rows.push_back({library.name, library.version.empty() ? "version unknown" : library.version,
                    library.detail.empty()
                        ? library.path
                        : fmt::format("{}, kernels for {}", library.path, library.detail)});
  }
  if (rows.empty()) rows.push_back({"none of those looked for", "", ""});
  print_table(rows, 3);
}

void print_container_and_limits(const Facts& facts) {
  fmt::print("\nContainer and limits\n");
  std::string metal = "unknown";
  if (!facts.hypervisor.empty()) {
    metal = "virtual machine: " + facts.hypervisor;
    if (facts.bare_metal.value_or(false)) metal = "first domain of " + facts.hypervisor;
  } else if (facts.bare_metal) {
    metal = "bare metal";
  }
  std::vector<std::string> distances;
  for (const auto& row : facts.numa_distances) {
    distances.push_back(fmt::format("{}", fmt::join(row, " ")));
  }
  Rows rows = {
      {"machine", metal},
      {"container", facts.container.empty() ? "none seen" : facts.container},
      {"processors allowed", fmt::format("{}", facts.affinity.size())},
      {"locked memory", limit_text(facts.limits.locked_memory_bytes, true)},
      {"open files", limit_text(facts.limits.open_files, false)},
      {"stack", limit_text(facts.limits.stack_bytes, true)},
      {"processes", limit_text(facts.limits.processes, false)},
  };
  if (!distances.empty()) {
    rows.push_back({"NUMA distances", fmt::format("{}", fmt::join(distances, " | "))});
  }
  print_table(rows, 2);
}

void print_unseen(const Facts& facts) {
  if (facts.unseen.empty()) return;
  fmt::print("\nNot seen here\n");
  Rows rows;
  for (const auto& unseen : facts.unseen) {
    rows.push_back({unseen.what, unseen.as_root.empty() ? unseen.why
                                                        : fmt::format("{}; root would see {}",
                                                                      unseen.why, unseen.as_root)});
  }
  print_table(rows, 2);
}

}  // namespace aisp::app
