// PCIe: links at their full width and speed, and no detour for traffic between devices.
//
// Source: Linux Documentation/ABI/testing/sysfs-bus-pci, sysfs-bus-pci-devices-aer_stats,
// sysfs-kernel-iommu_groups; NVIDIA GPUDirect and NCCL documentation (PCI access control services).
#include <algorithm>
#include <cmath>
#include <set>

#include "doctor/gpus.h"
#include "doctor/paths.h"
#include "doctor/pci.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

const machine::Gpu* gpu_at(const machine::Facts& facts, const std::string& address) {
  for (const auto& gpu : facts.gpus) {
    if (gpu.pci_address == address) return &gpu;
  }
  return nullptr;
}

// What the device and its slot could both do, against what the link does. A GPU lowers its speed
// when idle: then only the width counts.
std::optional<Judged> judge_link(const Evidence& evidence, const std::string& address,
                                 double& lost) {
  const std::string device = pci_folder(address);
  const PciLink now = link_now(evidence, device), most = link_most(evidence, device);
  if (now.lanes <= 0 || most.lanes <= 0) return std::nullopt;
  const std::string port = pci_parent(evidence, address);
  const PciLink slot = port.empty() ? PciLink{} : link_most(evidence, pci_folder(port));
  const int lanes = slot.lanes > 0 ? std::min(slot.lanes, most.lanes) : most.lanes;
  const double speed = slot.gt_per_s > 0 ? std::min(slot.gt_per_s, most.gt_per_s) : most.gt_per_s;
  const auto* const gpu = gpu_at(evidence.facts(), address);
  const bool display = evidence.read(device + "/class").value.starts_with("0x03");
  const bool busy = gpu != nullptr && gpu->utilization_percent.value_or(0) > 0;
  const bool speed_counts = (!display || busy) && now.gt_per_s > 0 && speed > 0;
  double factor = static_cast<double>(lanes) / now.lanes;
  if (speed_counts) factor *= speed / now.gt_per_s;
  lost = std::max(lost, factor);
  return Judged{factor <= 1.01,
                fmt::format("{} GT/s x{}, could be {} GT/s x{}{}", now.gt_per_s, now.lanes, speed,
                            lanes, display && !busy ? " (idle: speed not judged)" : "")};
}

// Errors that the link corrected by sending again; a clean link has none.
std::vector<Reading> grown_errors(const Evidence& evidence) {
  std::vector<Reading> grown;
  for (const std::string& path :
       matching_paths(evidence, "/sys/bus/pci/devices/*/aer_dev_correctable")) {
    const auto total = [](const Text& text) {
      return machine::parse_number(Evidence::value_of(text.value, "TOTAL_ERR_COR").value_or(""));
    };
    const auto before = total(evidence.earlier(path)), after = total(evidence.read(path));
    if (before && after && *after > *before) {
      grown.push_back({path, fmt::format("{:g} more", *after - *before)});
    }
  }
  return grown;
}

bool judged_class(const std::string& text) {  // network, NVMe, display and accelerators
  return text.starts_with("0x02") || text.starts_with("0x0108") || text.starts_with("0x03") ||
         text.starts_with("0x12");
}

// The same of a GPU by its driver: all there is where sysfs hides the link, as in many guests.
std::optional<Judged> judge_by_driver(const machine::Gpu& gpu, double& lost) {
  if (!gpu.pcie_width_now || !gpu.pcie_width_max || *gpu.pcie_width_now <= 0) return std::nullopt;
  double factor = static_cast<double>(*gpu.pcie_width_max) / *gpu.pcie_width_now;
  const int now = gpu.pcie_generation_now.value_or(0), most = gpu.pcie_generation_max.value_or(0);
  // Each generation doubles the rate of the one before (close enough from the first to the sixth).
  if (gpu.utilization_percent.value_or(0) > 0 && now > 0) factor *= std::exp2(most - now);
  lost = std::max(lost, factor);
  return Judged{factor <= 1.01, fmt::format("generation {} x{}, could be {} x{}", now,
                                            *gpu.pcie_width_now, most, *gpu.pcie_width_max)};
}

Finding pcie_link_state(const Evidence& evidence) {
  std::vector<Reading> good, bad;
  double lost = 1.0;
  std::set<std::string> seen_addresses;
  const auto add = [&](const std::string& source, const std::optional<Judged>& judged) {
    if (judged) (judged->holds ? good : bad).push_back({source, judged->value});
  };
  for (const std::string& address : evidence.list("/sys/bus/pci/devices")) {
    if (!judged_class(evidence.read(pci_folder(address) + "/class").value)) continue;
    const auto judged = judge_link(evidence, address, lost);
    const auto* const gpu = gpu_at(evidence.facts(), address);
    if (gpu != nullptr && (!judged || judged->holds)) continue;  // the driver is asked below
    if (judged) seen_addresses.insert(address);
    add(pci_folder(address), judged);
  }
  for (const auto& gpu : evidence.facts().gpus) {
    if (seen_addresses.contains(gpu.pci_address)) continue;
    const auto judged = judge_by_driver(gpu, lost);
    add(fmt::format("GPU {}", gpu.index),
        judged ? judged : judge_link(evidence, gpu.pci_address, lost));
  }
  auto grown = grown_errors(evidence);
  const std::size_t seen = good.size() + bad.size();
  if (!bad.empty()) {
    const std::string says =
        fmt::format("{} of {} links run below what device and slot can do", bad.size(), seen);
    const std::string cost = fmt::format("the worst has 1/{:.3g} of its bandwidth", lost);
    bad.insert(bad.end(), grown.begin(), grown.end());
    return lost >= 1.99 ? fail(says, bad, cost) : warn(says, bad, cost);
  }
  if (!grown.empty()) {
    return warn("PCIe links correct errors right now", grown,
                "each is sent again: latency, and a sign of a bad slot or riser");
  }
  if (good.empty()) return not_applicable("no PCIe device here tells its link");
  if (good.size() > 16) good.resize(16);
  return ok(fmt::format("{} links of GPUs, network cards and NVMe disks are at their best", seen),
            good);
}

std::vector<std::string> peers_on_bus(const Evidence& evidence) {
  std::vector<std::string> addresses;
  for (const auto& gpu : evidence.facts().gpus) addresses.push_back(gpu.pci_address);
  for (const std::string& device : evidence.list("/sys/class/infiniband")) {
    const std::string address = rdma_address(evidence, device);
    if (!address.empty()) addresses.push_back(address);
  }
  return addresses;
}

// Bridges above the devices that send peer traffic up to the root: "ReqRedir+" in lspci's ACSCtl.
std::vector<std::string> redirecting_bridges(const Evidence& evidence, const std::string& lspci,
                                             const std::vector<std::string>& devices) {
  std::set<std::string> above;
  for (const std::string& address : devices) {
    for (const std::string& bridge : pci_bridges(evidence, address)) above.insert(bridge);
  }
  std::vector<std::string> found;
  std::string current;
  for (const auto line : machine::split(lspci, '\n')) {
    if (!line.empty() && line[0] != ' ' && line[0] != '\t') {
      current = std::string(line.substr(0, line.find(' ')));
      if (std::count(current.begin(), current.end(), ':') == 1) current = "0000:" + current;
    } else if (line.find("ACSCtl:") != std::string_view::npos &&
               (line.find("ReqRedir+") != std::string_view::npos ||
                line.find("CmpltRedir+") != std::string_view::npos) &&
               above.contains(current)) {
      found.push_back(current);
    }
  }
  return found;
}

Finding iommu_acs(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  if (!evidence.facts().hypervisor.empty()) {
    return not_applicable("a guest: its host sets IOMMU and access control");
  }
  const auto devices = peers_on_bus(evidence);
  if (devices.size() < 2) return not_applicable("one device: no traffic between peers");
  std::vector<Reading> read, translated;
  const Text command_line = evidence.read("/proc/cmdline");
  for (const auto word : machine::split(command_line.value, ' ')) {
    if (word.find("iommu") != std::string_view::npos) {
      read.push_back({"/proc/cmdline", std::string(word)});
    }
  }
  for (const std::string& address : devices) {
    const Text link = evidence.link(pci_folder(address) + "/iommu_group");
    if (!link) continue;  // no IOMMU
    const std::string group = link.value.substr(link.value.rfind('/') + 1);
    const std::string path = "/sys/kernel/iommu_groups/" + group + "/type";
    const Text type = evidence.read(path);
    if (type && type.value != "identity") {
      translated.push_back({fmt::format("{} ({})", path, address), type.value});
    }
  }
  if (!translated.empty()) {
    translated.insert(translated.end(), read.begin(), read.end());
    if (translated.size() > 12) translated.resize(12);
    return warn("the IOMMU translates the addresses of GPUs or adapters", translated,
                "peer traffic goes up to the root complex and back; boot with iommu=pt");
  }
  const Text lspci = evidence.command({"lspci", "-D", "-vvv"});
  if (!lspci) {
    read.push_back({"lspci -D -vvv", lspci.why});
    return ok("the IOMMU does not translate for GPUs and adapters; access control was not seen",
              read);
  }
  const auto bridges = redirecting_bridges(evidence, lspci.value, devices);
  if (!bridges.empty()) {
    read.push_back({"ACSCtl with redirection", fmt::format("{}", fmt::join(bridges, ", "))});
    return warn(fmt::format("{} PCIe bridges redirect peer traffic to the root", bridges.size()),
                read, "GPU-to-adapter copies cross the root complex instead of the switch");
  }
  return ok("neither IOMMU nor access control stands between peers", read);
}

}  // namespace

std::vector<Probe> pcie_probes() {
  return {{"pcie-link-state", pcie_link_state, {"/sys/bus/pci/devices/*/aer_dev_correctable"}},
          {"iommu-acs", iommu_acs}};
}

}  // namespace aisp::doctor
