// A node with GPUs as evidence in memory, for tests of probes.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "doctor/fake_evidence.h"
#include "doctor/probe.h"

namespace aisp::doctor {

inline Finding decided(const Evidence& evidence, const std::string& id) {
  for (const Probe& probe : probes()) {
    if (probe.id == id) return probe.decide(evidence);
  }
  ADD_FAILURE() << "no probe " << id;
  return {};
}

/// `count` H100s, half on each socket, without NVLink.
inline FakeEvidence node(int count) {
  FakeEvidence node;
  node.files["/sys/devices/system/node/node0/cpulist"] = "0-7";
  node.files["/sys/devices/system/node/node1/cpulist"] = "8-15";
  for (int i = 0; i < count; ++i) {
    machine::Gpu gpu;
    gpu.index = i;
    gpu.name = "NVIDIA H100 PCIe";
    gpu.pci_address = "0000:0" + std::to_string(i) + ":00.0";
    gpu.compute_major = 9;
    gpu.compute_minor = 0;
    gpu.memory_bytes = 80000000000;
    gpu.memory_bus_bits = 5120;
    gpu.numa_node = i < count / 2 ? 0 : 1;
    node.machine.gpus.push_back(gpu);
    for (int a = 0; a < i; ++a) {
      const bool near = node.machine.gpus[static_cast<std::size_t>(a)].numa_node == gpu.numa_node;
      node.machine.gpu_pairs.push_back({a, i, near ? "node" : "system", true, false});
    }
  }
  return node;
}

inline void add_process(FakeEvidence& node, int gpu, int pid, const std::string& arguments,
                        const std::string& environment = "", int uid = 1000) {
  node.machine.gpus.at(static_cast<std::size_t>(gpu))
      .processes.push_back({pid, 1000000000, "python3", uid});
  const std::string folder = "/proc/" + std::to_string(pid);
  node.files[folder + "/cmdline"] = arguments;
  node.files[folder + "/environ"] = environment;
  node.files[folder + "/status"] =
      "PPid:\t1\nCpus_allowed_list:\t" + std::string(gpu % 2 == 0 ? "0-3" : "4-7");
}

}  // namespace aisp::doctor
