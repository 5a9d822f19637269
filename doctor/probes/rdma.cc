// RDMA: adapters and their ports, direct access to GPU memory, errors, capacity, in-network
// reduction.
//
// Source: Linux Documentation/ABI/stable/sysfs-class-infiniband; NVIDIA GPUDirect RDMA guide; NCCL
// user guide; NVIDIA SHARP documentation; mlx5 counters reference.
#include <algorithm>

#include "doctor/gpus.h"
#include "doctor/paths.h"
#include "doctor/pci.h"
#include "doctor/processes.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

struct Port {
  std::string device, folder, state, physical, layer;
  double gbit_per_s = 0.0;
  std::string address;  // on the PCI bus
  bool active() const { return state.find("ACTIVE") != std::string::npos; }
};

std::vector<Port> ports(const Evidence& evidence) {
  std::vector<Port> all;
  for (const std::string& path :
       matching_paths(evidence, "/sys/class/infiniband/*/ports/*/state")) {
    Port port;
    port.folder = path.substr(0, path.rfind('/'));
    const auto parts = machine::split(path, '/');
    port.device = std::string(parts[4]);
    port.state = evidence.read(path).value;
    port.physical = evidence.read(port.folder + "/phys_state").value;
    port.layer = evidence.read(port.folder + "/link_layer").value;
    const std::string rate = evidence.read(port.folder + "/rate").value;  // "400 Gb/sec (4X NDR)"
    port.gbit_per_s = machine::parse_number(rate.substr(0, rate.find(' '))).value_or(0.0);
    port.address = rdma_address(evidence, port.device);
    all.push_back(std::move(port));
  }
  return all;
}

// Another port of the same card works: this one may just have no cable.
bool card_is_used(const std::vector<Port>& all, const Port& port) {
  const std::string card = port.address.substr(0, port.address.find('.'));
  return std::any_of(all.begin(), all.end(), [&](const Port& other) {
    const bool same =
        other.device == port.device || (!card.empty() && other.address.starts_with(card + "."));
    return other.active() && same;
  });
}

bool has_routable_address(const Evidence& evidence, const Port& port) {
  const std::string folder = port.folder + "/gid_attrs/types";
  for (const std::string& name : evidence.list(folder)) {
    if (evidence.read(folder + "/" + name).value.find("RoCE v2") != std::string::npos) return true;
  }
  return false;
}

Finding rdma_device_active(const Evidence& evidence) {
  const auto all = ports(evidence);
  if (all.empty()) return not_applicable("no RDMA adapter");
  double most = 0.0;
  for (const Port& port : all) most = std::max(most, port.active() ? port.gbit_per_s : 0.0);
  std::vector<Reading> good, bad;
  std::vector<std::string> troubled;
  for (const Port& port : all) {
    const std::string value = fmt::format("{}, {}, {:g} Gb/s, {}", port.state, port.physical,
                                          port.gbit_per_s, port.layer);
    std::string trouble;
    if (!port.active()) {
      const bool linked = port.physical.find("LinkUp") != std::string::npos;
      const bool disabled = port.physical.find("Disabled") != std::string::npos;
      if (linked)
        trouble = "linked, but no subnet manager made it active";
      else if (!disabled && !card_is_used(all, port))
        trouble = "no link";
    } else if (port.layer == "Ethernet" && !has_routable_address(evidence, port)) {
      trouble = "no RoCE v2 address";
    } else if (port.layer == "InfiniBand" && port.gbit_per_s * 2 <= most) {
      trouble = "half the rate of its fellows, or less";
    }
    if (!trouble.empty()) troubled.push_back(port.device);
    (trouble.empty() ? good : bad)
        .push_back({port.folder, trouble.empty() ? value : value + ": " + trouble});
  }
  const auto devices = evidence.list("/dev/infiniband");
  const bool verbs = std::any_of(devices.begin(), devices.end(), [](const std::string& name) {
    return name.starts_with("uverbs");
  });
  if (!verbs) {
    return fail("RDMA ports are here, but /dev/infiniband/uverbs* is not passed into this place",
                {{"/dev/infiniband", "no uverbs"}},
                "programs fall back to sockets, which copy every byte through the kernel");
  }
  if (most == 0.0) return fail("no RDMA port is active", bad, "programs fall back to sockets");
  if (bad.empty()) return ok(fmt::format("{} RDMA ports are in order", good.size()), good);
  return warn(fmt::format("RDMA ports need a look: {}", fmt::join(troubled, ", ")), bad,
              "a rail that is down or slow holds up every collective");
}

Finding gpudirect_rdma(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  if (ports(evidence).empty()) return not_applicable("no RDMA adapter");
  const auto& facts = evidence.facts();
  std::vector<Reading> read;
  const Text modules = evidence.read("/proc/modules");
  const bool peermem = Evidence::value_of(modules.value, "nvidia_peermem").has_value();
  const auto all_of = [&](auto field) {
    return std::all_of(facts.gpus.begin(), facts.gpus.end(),
                       [&](const machine::Gpu& gpu) { return (gpu.*field).value_or(false); });
  };
  const bool dma_buf = all_of(&machine::Gpu::dma_buf);
  const bool open = evidence.read("/proc/driver/nvidia/version").value.find("Open Kernel Module") !=
                    std::string::npos;
  const bool kernel = version_at_least(facts.kernel, 5, 12).value_or(false);
  read.push_back({"/proc/modules: nvidia_peermem", peermem ? "loaded" : "not loaded"});
  read.push_back({"DMA-BUF: device, open driver, kernel",
                  fmt::format("{}, {}, {}", dma_buf ? "yes" : "no", open ? "yes" : "no",
                              facts.kernel.empty() ? "?" : facts.kernel)});
  const auto& variables = evidence.variables();
  const auto level = variables.find("NCCL_NET_GDR_LEVEL");
  if (level != variables.end() && (level->second == "LOC" || level->second == "0")) {
    read.push_back({"NCCL_NET_GDR_LEVEL", level->second});
    return warn("NCCL_NET_GDR_LEVEL forbids direct transfers", read,
                "every byte goes through host memory");
  }
  const bool told_no = std::any_of(facts.gpus.begin(), facts.gpus.end(),
                                   [](const auto& gpu) { return gpu.gpudirect_rdma == false; });
  if (told_no) return not_applicable("these GPUs do not support GPUDirect RDMA", read);
  if (peermem) return ok("nvidia_peermem gives adapters access to GPU memory", read);
  if (dma_buf && open && kernel) return ok("adapters reach GPU memory through DMA-BUF", read);
  if (!modules && !dma_buf) return cannot_see(modules.why, read);
  return warn("adapters cannot reach GPU memory: neither nvidia_peermem nor DMA-BUF", read,
              "every byte crosses host memory and the PCIe link twice",
              {{Fix::Kind::kCommand, "modprobe nvidia-peermem", "modprobe -r nvidia-peermem"}});
}

Finding sharp_collnet(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto all = ports(evidence);
  const bool fabric = std::any_of(all.begin(), all.end(), [](const Port& port) {
    return port.active() && port.layer == "InfiniBand";
  });
  if (!fabric) return not_applicable("no active InfiniBand port");
  const auto& facts = evidence.facts();
  const auto* const sharp = library(facts, "libsharp");
  const auto* const plugin = library(facts, "libnccl-net");
  std::vector<Reading> read;
  for (const auto* one : {sharp, plugin}) {
    if (one != nullptr) read.push_back({one->name, one->path});
  }
  bool enabled = evidence.variable("NCCL_COLLNET_ENABLE").value == "1";
  for (const GpuUser& user : gpu_users(evidence)) {
    const auto found = user.environment.find("NCCL_COLLNET_ENABLE");
    enabled = enabled || (found != user.environment.end() && found->second == "1");
  }
  read.push_back({"NCCL_COLLNET_ENABLE", enabled ? "1" : "not set"});
  if (enabled && (sharp == nullptr || plugin == nullptr)) {
    return warn("NCCL_COLLNET_ENABLE=1 without the SHARP plugin and library", read,
                "NCCL then falls back to its own algorithms, without a word");
  }
  if (enabled) return ok("reductions in the switches are enabled", read);
  if (sharp == nullptr || plugin == nullptr) {
    return not_applicable("the SHARP plugin is not installed", read);
  }
  if (nodes_of_jobs(evidence) < 2) return not_applicable("no job over several nodes", read);
  return warn("the SHARP plugin is installed and not enabled in a job over several nodes", read,
              "reductions in the switch halve the bytes on the wire for large sizes; measure",
              {{Fix::Kind::kVariable, "NCCL_COLLNET_ENABLE", "1"}});
}

Finding nic_oversubscription(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto& facts = evidence.facts();
  double total = 0.0;
  std::map<std::string, double> behind;  // bridge -> Gb/s of ports below it
  std::set<double> nodes;
  for (const Port& port : ports(evidence)) {
    if (!port.active()) continue;
    total += port.gbit_per_s;
    if (port.address.empty()) continue;
    nodes.insert(evidence.number(pci_folder(port.address) + "/numa_node").value_or(-1));
    for (const std::string& bridge : pci_bridges(evidence, port.address)) {
      behind[bridge] += port.gbit_per_s;
    }
  }
  const char* kind = "RDMA ports";
  if (total == 0.0) {
    kind = "network cards";
    for (const auto& device : facts.network) {
      if (device.physical && device.state == "up") total += device.speed_mbit.value_or(0) / 1e3;
    }
  }
  if (nodes_of_jobs(evidence) < 2 && nodes.empty()) {
    return not_applicable("no job over several nodes, no RDMA adapter");
  }
  if (total == 0.0) return cannot_see("no network card tells its rate");
  const double each = total / static_cast<double>(facts.gpus.size());
  std::vector<Reading> read = {
      {kind, fmt::format("{:g} Gb/s for {} GPUs", total, facts.gpus.size())}};
  constexpr double kLeast = 50.0;
  if (each < kLeast) {
    return warn(fmt::format("{:.3g} Gb/s of network for each GPU", each), read,
                "below 50 Gb/s a GPU, gradients of large models wait for the network");
  }
  for (const auto& [bridge, gbit_per_s] : behind) {
    const PciLink link = link_now(evidence, pci_folder(bridge));
    if (link.lanes == 0 || link.gb_per_s() * 8 >= gbit_per_s) continue;
    read.push_back({pci_folder(bridge), fmt::format("{:.0f} Gb/s for ports of {:g} Gb/s",
                                                    link.gb_per_s() * 8, gbit_per_s)});
    return warn("network ports share a PCIe link that is narrower than they are", read,
                fmt::format("at most {:.0f} % of their rate", link.gb_per_s() * 800 / gbit_per_s));
  }
  std::vector<int> far;
  for (const auto& gpu : facts.gpus) {
    const double node = gpu.numa_node.value_or(-1);
    if (node >= 0 && !nodes.empty() && !nodes.contains(node) && !nodes.contains(-1)) {
      far.push_back(gpu.index);
    }
  }
  if (!far.empty()) {
    return warn(fmt::format("no network port on the socket of {}", gpus_in_words(far)), read,
                "their traffic crosses the link between the sockets");
  }
  return ok(fmt::format("{:.3g} Gb/s of network for each GPU", each), read);
}

// What counts errors, and what counts waiting (congestion): the latter is told, not judged.
bool counts_waiting(const std::string& path) {
  return path.ends_with("port_xmit_wait") || path.ends_with("np_cnp_sent");
}

const std::vector<const char*>& port_counters() {
  static const std::vector<const char*> all = {
      "/sys/class/infiniband/*/ports/*/counters/symbol_error",
      "/sys/class/infiniband/*/ports/*/counters/link_downed",
      "/sys/class/infiniband/*/ports/*/counters/link_error_recovery",
      "/sys/class/infiniband/*/ports/*/counters/port_rcv_errors",
      "/sys/class/infiniband/*/ports/*/counters/port_xmit_discards",
      "/sys/class/infiniband/*/ports/*/counters/port_xmit_wait",
      "/sys/class/infiniband/*/ports/*/hw_counters/out_of_sequence",
      "/sys/class/infiniband/*/ports/*/hw_counters/packet_seq_err",
      "/sys/class/infiniband/*/ports/*/hw_counters/local_ack_timeout_err",
      "/sys/class/infiniband/*/ports/*/hw_counters/rnr_nak_retry_err",
      "/sys/class/infiniband/*/ports/*/hw_counters/np_cnp_sent"};
  return all;
}

Finding ib_error_counters(const Evidence& evidence) {
  if (evidence.list("/sys/class/infiniband").empty()) return not_applicable("no RDMA adapter");
  std::vector<Reading> errors, waits;
  int compared = 0;
  for (const char* pattern : port_counters()) {
    for (const std::string& path : matching_paths(evidence, pattern)) {
      const auto before = machine::parse_number(evidence.earlier(path).value);
      const auto after = evidence.number(path);
      if (!before || !after) continue;
      ++compared;
      if (*after <= *before) continue;
      (counts_waiting(path) ? waits : errors)
          .push_back({path, fmt::format("{:.0f} more in {:.1f} s", *after - *before,
                                        evidence.window_s())});
    }
  }
  if (compared == 0) return cannot_see("no counter of a port could be read twice");
  if (!errors.empty()) {
    if (errors.size() > 8) errors.resize(8);
    return warn("errors on RDMA ports grow", errors,
                "each is a retry of a message or a timeout of milliseconds");
  }
  return ok(waits.empty() ? fmt::format("no error on RDMA ports ({} counters)", compared)
                          : "no error on RDMA ports; some wait for credit or slow down",
            waits);
}

}  // namespace

std::vector<Probe> rdma_probes() {
  return {{"rdma-device-active", rdma_device_active},
          {"gpudirect-rdma", gpudirect_rdma},
          {"sharp-collnet", sharp_collnet},
          {"nic-oversubscription", nic_oversubscription},
          {"ib-error-counters", ib_error_counters, port_counters()}};
}

}  // namespace aisp::doctor
