// What this machine consists of, beyond the processor itself: memory, disks, network, accelerators,
// libraries, limits. Plain data with a JSON form, so that a recorded machine can stand in for a
// real one. Whatever could not be read is absent (nullopt, empty), and `unseen` says why.
//
// Sources: Linux Documentation/ABI (sysfs), proc(5), NVML API reference, CUDA driver API reference.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace aisp::machine {

template <class T>
using Maybe = std::optional<T>;

/// A process that holds a context on a GPU.
struct GpuProcess {
  int pid = 0;
  Maybe<std::uint64_t> memory_bytes;
  std::string name;  // of the program, where /proc shows it
  Maybe<int> uid;
};

struct NvLink {
  int link = 0;
  bool active = false;
  Maybe<double> gb_per_s;   // one direction
  std::string remote;       // PCI address of the other end; empty: unknown
  std::string remote_kind;  // "gpu", "switch", "cpu"; empty: unknown
};

/// One GPU. Clocks in MHz, power in W, temperatures in degrees C.
struct Gpu {
  int index = 0;
  std::string name, uuid, pci_address;  // "0000:1b:00.0", lower case
  Maybe<int> compute_major, compute_minor;
  Maybe<int> multiprocessors;
  Maybe<std::uint64_t> memory_bytes, memory_free_bytes, l2_bytes;
  Maybe<int> memory_bus_bits;
  Maybe<int> sm_clock_now, sm_clock_max, memory_clock_now, memory_clock_max;
  Maybe<double> power_now, power_limit, power_limit_default, power_limit_max;
  Maybe<int> temperature, temperature_slowdown, memory_temperature, temperature_margin;
  Maybe<int> fans, fan_percent;
  Maybe<std::uint64_t> throttle_reasons;  // NVML bits (nvmlClocksEventReason*)
  Maybe<bool> ecc_now, ecc_pending;
  Maybe<std::uint64_t> ecc_uncorrected_volatile, ecc_uncorrected_aggregate;
  Maybe<int> remapped_rows_uncorrectable;
  Maybe<bool> remap_pending, remap_failed;
  Maybe<bool> mig_now;
  std::vector<std::string> mig_devices;  // names of instances
  Maybe<bool> persistence;
  Maybe<std::string> compute_mode;  // "default", "exclusive_process", "prohibited"
  Maybe<int> pcie_generation_now, pcie_generation_max, pcie_width_now, pcie_width_max;
  Maybe<std::uint64_t> pcie_replays;
  Maybe<int> numa_node;  // of the host, the nearest
  Maybe<int> utilization_percent, memory_utilization_percent;
  Maybe<std::string> vbios, gsp_firmware;
  Maybe<std::string> fabric_state, fabric_clique;        // "completed", ...; NVSwitch machines
  Maybe<bool> pageable_memory_access, host_page_tables;  // coherent memory
  Maybe<bool> gpudirect_rdma, dma_buf;
  std::vector<NvLink> nvlinks;
  std::vector<GpuProcess> processes;
};

/// How two GPUs reach each other.
struct GpuPair {
  int a = 0, b = 0;
  std::string common_ancestor;  // "internal", "single", "multiple", "hostbridge", "node", "system"
  Maybe<bool> peer_access, nvlink;
};

struct Disk {
  std::string name, model;  // "nvme0n1"
  std::uint64_t size_bytes = 0;
  Maybe<bool> rotational;
  std::string scheduler;  // the chosen one
  Maybe<int> read_ahead_kb;
  Maybe<int> queue_depth;  // requests that its queue holds (queue/nr_requests)
  Maybe<int> numa_node;
  std::string pci_address;  // of the device or its controller; empty: not behind PCI
};

struct NetworkDevice {
  std::string name, driver, state;
  Maybe<int> speed_mbit, mtu, numa_node;
  std::string pci_address;
  bool physical = false;
};

struct RdmaPort {
  std::string device, state, physical_state, link_layer, firmware;
  int port = 1;
  Maybe<double> gbit_per_s;
  Maybe<int> numa_node;
};

/// A shared library found on this machine: "libnccl.so.2", its file and its own version.
struct Library {
  std::string name, path, version;  // version empty: neither its file name nor the library tells
  std::string detail;               // OpenBLAS: the core its kernels are for ("SkylakeX")
};

struct Limits {  // of this process; absent: unlimited is `unlimited` below
  static constexpr std::uint64_t kUnlimited = ~0ULL;
  Maybe<std::uint64_t> locked_memory_bytes, open_files, stack_bytes, processes;
};

struct Facts {
  std::string hostname, kernel, distribution;
  std::string hypervisor;  // empty: none seen ("bare metal" only where `bare_metal` says so)
  Maybe<bool> bare_metal;
  std::string container;  // "docker", "podman", "kubernetes", "lxc", ...; empty: none seen
  std::vector<Gpu> gpus;
  std::vector<GpuPair> gpu_pairs;
  std::string gpu_driver, cuda_driver, cuda_runtime;  // "580.95.05", "13.0", "13.0"; empty: absent
  std::vector<Disk> disks;
  std::vector<NetworkDevice> network;
  std::vector<RdmaPort> rdma;
  std::vector<Library> libraries;
  Limits limits;
  std::vector<int> affinity;    // processors that this process may use
  std::vector<int> numa_nodes;  // their numbers: a row of numa_distances for each
  std::vector<std::vector<int>> numa_distances;
  struct Unseen {
    std::string what, why;  // {"gpus", "libnvidia-ml.so.1 is not installed"}
    std::string as_root;    // what root would add; empty: nothing
  };
  std::vector<Unseen> unseen;
};

/// Reads everything about this machine. Unprivileged. `root` prefixes file paths, for tests;
/// devices are asked through libraries only where it is empty. Libraries of vendors are loaded at
/// run time. A second or two where a GPU driver must wake up. Never throws for what is absent or
/// malformed.
Facts read_facts(const std::string& root = "");

nlohmann::ordered_json to_json(const Facts& facts);
/// Throws Error on wrong types; unknown keys are ignored, absent keys stay absent.
Facts facts_from_json(const nlohmann::ordered_json& json);

}  // namespace aisp::machine
