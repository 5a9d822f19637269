// The one list of names that the JSON form of Facts has: reading and writing both walk it, so that
// they cannot disagree. `walk` is called with a name and a reference to each member, in order.
#pragma once

#include "machine/facts.h"

namespace aisp::machine {

template <class Walk>
void each_field(Walk& walk, GpuProcess& x) {
  walk("pid", x.pid);
  walk("memory_bytes", x.memory_bytes);
  walk("name", x.name);
  walk("uid", x.uid);
}

template <class Walk>
void each_field(Walk& walk, NvLink& x) {
  walk("link", x.link);
  walk("active", x.active);
  walk("gb_per_s", x.gb_per_s);
  walk("remote", x.remote);
  walk("remote_kind", x.remote_kind);
}

template <class Walk>
void each_gpu_state(Walk& walk, Gpu& x) {
  walk("sm_clock_now", x.sm_clock_now);
  walk("sm_clock_max", x.sm_clock_max);
  walk("memory_clock_now", x.memory_clock_now);
  walk("memory_clock_max", x.memory_clock_max);
  walk("power_now", x.power_now);
  walk("power_limit", x.power_limit);
  walk("power_limit_default", x.power_limit_default);
  walk("power_limit_max", x.power_limit_max);
  walk("temperature", x.temperature);
  walk("temperature_slowdown", x.temperature_slowdown);
  walk("memory_temperature", x.memory_temperature);
  walk("temperature_margin", x.temperature_margin);
  walk("fans", x.fans);
  walk("fan_percent", x.fan_percent);
  walk("throttle_reasons", x.throttle_reasons);
  walk("ecc_now", x.ecc_now);
  walk("ecc_pending", x.ecc_pending);
  walk("ecc_uncorrected_volatile", x.ecc_uncorrected_volatile);
  walk("ecc_uncorrected_aggregate", x.ecc_uncorrected_aggregate);
  walk("remapped_rows_uncorrectable", x.remapped_rows_uncorrectable);
  walk("remap_pending", x.remap_pending);
  walk("remap_failed", x.remap_failed);
  walk("mig_now", x.mig_now);
  walk("mig_devices", x.mig_devices);
  walk("persistence", x.persistence);
  walk("compute_mode", x.compute_mode);
  walk("utilization_percent", x.utilization_percent);
  walk("memory_utilization_percent", x.memory_utilization_percent);
}

template <class Walk>
void each_field(Walk& walk, Gpu& x) {
  walk("index", x.index);
  walk("name", x.name);
  walk("uuid", x.uuid);
  walk("pci_address", x.pci_address);
  walk("compute_major", x.compute_major);
  walk("compute_minor", x.compute_minor);
  walk("multiprocessors", x.multiprocessors);
  walk("memory_bytes", x.memory_bytes);
  walk("memory_free_bytes", x.memory_free_bytes);
  walk("l2_bytes", x.l2_bytes);
  walk("memory_bus_bits", x.memory_bus_bits);
  each_gpu_state(walk, x);
  walk("pcie_generation_now", x.pcie_generation_now);
  walk("pcie_generation_max", x.pcie_generation_max);
  walk("pcie_width_now", x.pcie_width_now);
  walk("pcie_width_max", x.pcie_width_max);
  walk("pcie_replays", x.pcie_replays);
  walk("numa_node", x.numa_node);
  walk("vbios", x.vbios);
  walk("gsp_firmware", x.gsp_firmware);
  walk("fabric_state", x.fabric_state);
  walk("fabric_clique", x.fabric_clique);
  walk("pageable_memory_access", x.pageable_memory_access);
  walk("host_page_tables", x.host_page_tables);
  walk("gpudirect_rdma", x.gpudirect_rdma);
  walk("dma_buf", x.dma_buf);
  walk("nvlinks", x.nvlinks);
  walk("processes", x.processes);
}

template <class Walk>
void each_field(Walk& walk, GpuPair& x) {
  walk("a", x.a);
  walk("b", x.b);
  walk("common_ancestor", x.common_ancestor);
  walk("peer_access", x.peer_access);
  walk("nvlink", x.nvlink);
}

template <class Walk>
void each_field(Walk& walk, Disk& x) {
  walk("name", x.name);
  walk("model", x.model);
  walk("size_bytes", x.size_bytes);
  walk("rotational", x.rotational);
  walk("scheduler", x.scheduler);
  walk("read_ahead_kb", x.read_ahead_kb);
  walk("queue_depth", x.queue_depth);
  walk("numa_node", x.numa_node);
  walk("pci_address", x.pci_address);
}

template <class Walk>
void each_field(Walk& walk, NetworkDevice& x) {
  walk("name", x.name);
  walk("driver", x.driver);
  walk("state", x.state);
  walk("speed_mbit", x.speed_mbit);
  walk("mtu", x.mtu);
  walk("numa_node", x.numa_node);
  walk("pci_address", x.pci_address);
  walk("physical", x.physical);
}

template <class Walk>
void each_field(Walk& walk, RdmaPort& x) {
  walk("device", x.device);
  walk("port", x.port);
  walk("state", x.state);
  walk("physical_state", x.physical_state);
  walk("link_layer", x.link_layer);
  walk("firmware", x.firmware);
  walk("gbit_per_s", x.gbit_per_s);
  walk("numa_node", x.numa_node);
}

template <class Walk>
void each_field(Walk& walk, Library& x) {
  walk("name", x.name);
  walk("path", x.path);
  walk("version", x.version);
  walk("detail", x.detail);
}

template <class Walk>
void each_field(Walk& walk, Limits& x) {
  walk("locked_memory_bytes", x.locked_memory_bytes);
  walk("open_files", x.open_files);
  walk("stack_bytes", x.stack_bytes);
  walk("processes", x.processes);
}

template <class Walk>
void each_field(Walk& walk, Facts::Unseen& x) {
  walk("what", x.what);
  walk("why", x.why);
  walk("as_root", x.as_root);
}

template <class Walk>
void each_field(Walk& walk, Facts& x) {
  walk("hostname", x.hostname);
  walk("kernel", x.kernel);
  walk("distribution", x.distribution);
  walk("hypervisor", x.hypervisor);
  walk("bare_metal", x.bare_metal);
  walk("container", x.container);
  walk("gpus", x.gpus);
  walk("gpu_pairs", x.gpu_pairs);
  walk("gpu_driver", x.gpu_driver);
  walk("cuda_driver", x.cuda_driver);
  walk("cuda_runtime", x.cuda_runtime);
  walk("disks", x.disks);
  walk("network", x.network);
  walk("rdma", x.rdma);
  walk("libraries", x.libraries);
  walk("limits", x.limits);
  walk("affinity", x.affinity);
  walk("numa_nodes", x.numa_nodes);
  walk("numa_distances", x.numa_distances);
  walk("unseen", x.unseen);
}

}  // namespace aisp::machine
