// What a GPU is connected to: PCIe, NVLink, the fabric of NVSwitch machines; and which processes
// hold it. See gpu_query.h. Source: NVML API Reference Guide, "NvLink Methods",
// nvmlDeviceGetGpuFabricInfoV.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "machine/file_tree.h"
#include "machine/gpu_query.h"

namespace aisp::machine {
namespace {

void read_pcie(const GpuQuery& query, Gpu& gpu) {
  struct Row {
    const char *value, *function;
    Maybe<int> Gpu::*member;
  };
  const Row rows[] = {
      {"PCIe generation", "nvmlDeviceGetCurrPcieLinkGeneration", &Gpu::pcie_generation_now},
      {"PCIe generation", "nvmlDeviceGetMaxPcieLinkGeneration", &Gpu::pcie_generation_max},
      {"PCIe width", "nvmlDeviceGetCurrPcieLinkWidth", &Gpu::pcie_width_now},
      {"PCIe width", "nvmlDeviceGetMaxPcieLinkWidth", &Gpu::pcie_width_max},
  };
  for (const Row& row : rows) gpu.*row.member = query.whole(row.value, row.function);
  if (const auto replays = query.whole("PCIe replays", "nvmlDeviceGetPcieReplayCounter")) {
    gpu.pcie_replays = static_cast<std::uint64_t>(*replays);
  }
}

const char* remote_kind(const GpuQuery& query, unsigned link) {
  int type = -1;
  query.nvml().call("nvmlDeviceGetNvLinkRemoteDeviceType", query.device(), link, &type);
  switch (type) {
    case 0:
      return "gpu";
    case 1:
      return "cpu";
    case 2:
      return "switch";
    default:
      return "";
  }
}

NvLink read_link(const GpuQuery& query, unsigned link, bool active) {
  const Nvml& nvml = query.nvml();
  NvLink result;
  result.link = static_cast<int>(link);
  result.active = active;
  if (!active) return result;
  double speed = 0.0;  // MB/s, one direction
  int status = nvml.field(query.device(), kNvmlFieldLinkSpeed, link, speed);
  if (status != kNvmlSuccess || speed <= 0) {
    status = nvml.field(query.device(), kNvmlFieldLinkSpeedCommon, 0, speed);
  }
  if (status == kNvmlSuccess && std::isfinite(speed) && speed > 0) {
    result.gb_per_s = speed / 1000.0;
  } else {
    query.answered("NVLink speed", status == kNvmlSuccess ? kNvmlNotSupported : status);
  }
  NvmlPciInfo pci{};
  if (nvml.call("nvmlDeviceGetNvLinkRemotePciInfo_v2", query.device(), link, &pci) ==
      kNvmlSuccess) {
    pci.bus_id[sizeof pci.bus_id - 1] = '\0';
    result.remote = normal_pci_address(pci.bus_id);
  }
  result.remote_kind = remote_kind(query, link);
  return result;
}

void read_nvlinks(const GpuQuery& query, Gpu& gpu) {
  double count = kNvmlMostLinks;  // where the library cannot count, the first refusal ends the list
  query.nvml().field(query.device(), kNvmlFieldLinkCount, 0, count);
  const auto links = static_cast<unsigned>(std::clamp(count, 0.0, double{kNvmlMostLinks}));
  for (unsigned link = 0; link < links; ++link) {
    unsigned active = 0;
    const int status = query.nvml().call("nvmlDeviceGetNvLinkState", query.device(), link, &active);
    if (status == kNvmlInvalidArgument || status == kNvmlNotSupported) {
      if (link == 0) query.answered("NVLink", kNvmlNotSupported);
      break;
    }
    if (!query.answered("NVLink", status)) break;
    gpu.nvlinks.push_back(read_link(query, link, active != 0));
  }
}

void read_fabric(const GpuQuery& query, Gpu& gpu) {
  NvmlFabric fabric;
  if (!query.ask("NVLink fabric", "nvmlDeviceGetGpuFabricInfoV", &fabric)) return;
  const char* const states[] = {"not_supported", "not_started", "in_progress", "completed"};
  gpu.fabric_state = fabric.state < 4 ? states[fabric.state] : "unknown";
  if (*gpu.fabric_state != "completed") return;
  if (fabric.status != kNvmlSuccess) {
    gpu.fabric_state = "failed: " + query.nvml().status_text(fabric.status);
    return;
  }
  std::string cluster;
  for (const unsigned char byte : fabric.cluster) cluster += fmt::format("{:02x}", byte);
  const bool named = cluster.find_first_not_of('0') != std::string::npos;
  gpu.fabric_clique =
      named ? fmt::format("{}/{}", cluster, fabric.clique) : fmt::format("{}", fabric.clique);
}

// NVML counts processes as the machine does. Inside a container of its own numbers the same number
// is another process: names are looked up only where the two are the same (the first name space has
// this number in every kernel since 3.8).
bool sees_all_processes() {
  return FileTree("").link_name("/proc/self/ns/pid") == "pid:[4026531836]";
}

void name_process(GpuProcess& process) {
  const std::string folder = fmt::format("/proc/{}", process.pid);
  process.name = FileTree("").line(folder + "/comm");
  struct stat status {};
  if (stat(folder.c_str(), &status) == 0) process.uid = static_cast<int>(status.st_uid);
}

}  // namespace

void read_gpu_links(const GpuQuery& query, Gpu& gpu) {
  read_pcie(query, gpu);
  read_nvlinks(query, gpu);
  read_fabric(query, gpu);
}

void read_gpu_processes(const GpuQuery& query, Gpu& gpu) {
  std::vector<NvmlProcess> list(64);
  unsigned count = 0;
  int status = kNvmlInsufficientSize;
  // More may start between two calls: the place doubles, up to 4,096.
  for (; status == kNvmlInsufficientSize && list.size() <= 4096; list.resize(2 * list.size())) {
    count = static_cast<unsigned>(list.size());
    status = query.nvml().call("nvmlDeviceGetComputeRunningProcesses_v3", query.device(), &count,
                               list.data());
  }
  if (!query.answered("processes", status)) return;
  const bool named = sees_all_processes();
  constexpr unsigned long long kUnknown = ~0ULL;
  for (unsigned i = 0; i < count && i < list.size(); ++i) {
    GpuProcess process;
    process.pid = static_cast<int>(list[i].pid);
    if (list[i].used_gpu_memory != kUnknown) process.memory_bytes = list[i].used_gpu_memory;
    if (named) name_process(process);
    gpu.processes.push_back(std::move(process));
  }
}

}  // namespace aisp::machine
