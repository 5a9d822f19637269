// What stands between this process and the hardware: a hypervisor, a container. The same marks that
// systemd-detect-virt looks at, in the same order of trust: the processor's own answer, then the
// names in DMI; for containers, what their runtimes leave in the file system and in the control
// group. Source: systemd src/basic/virt.c (the list of DMI names), Linux Documentation/virt,
// cgroups(7), systemd.io CONTAINER_INTERFACE, Kubernetes "Accessing the API from within a Pod".
#include <string_view>

#include "base/text.h"
#include "machine/cpuid.h"
#include "machine/facts_parts.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

struct Mark {
  std::string_view seen, means;
};

// Leaf 0x40000000 of CPUID, trimmed.
constexpr Mark kSignatures[] = {
    {"KVMKVMKVM", "kvm"},     {"Microsoft Hv", "hyper-v"}, {"VMwareVMware", "vmware"},
    {"XenVMMXenVMM", "xen"},  {"TCGTCGTCGTCG", "qemu"},    {"VBoxVBoxVBox", "virtualbox"},
    {"bhyve bhyve", "bhyve"}, {"lrpepyh vr", "parallels"}, {"ACRNACRNACRN", "acrn"},
    {"QNXQVMBSQG", "qnx"},    {"Linux KVM Hv", "kvm"},
};

// Beginnings of what firmware of virtual machines calls itself.
constexpr Mark kFirmware[] = {
    {"KVM", "kvm"},
    {"OpenStack", "kvm"},
    {"KubeVirt", "kvm"},
    {"Amazon EC2", "amazon"},
    {"QEMU", "qemu"},
    {"VMware", "vmware"},
    {"VMW", "vmware"},
    {"innotek GmbH", "virtualbox"},
    {"VirtualBox", "virtualbox"},
    {"Xen", "xen"},
    {"Bochs", "bochs"},
    {"Parallels", "parallels"},
    {"BHYVE", "bhyve"},
    {"Hyper-V", "hyper-v"},
    {"Virtual Machine", "hyper-v"},
    {"Apple Virtualization", "apple"},
    {"Google Compute Engine", "google"},
    {"Alibaba Cloud ECS", "kvm"},
};

template <std::size_t N>
std::string meaning(const Mark (&marks)[N], std::string_view text) {
  for (const Mark& mark : marks) {
    if (text.starts_with(mark.seen)) return std::string(mark.means);
  }
  return "";
}

struct Firmware {
  bool readable = false;
  std::string hypervisor;
};

Firmware ask_firmware(const FileTree& tree) {
  Firmware firmware;
  const std::string folder = "/sys/class/dmi/id/";
  const std::string product = tree.line(folder + "product_name");
  for (const char* name : {"product_name", "sys_vendor", "board_vendor", "bios_vendor"}) {
    const std::string text = tree.line(folder + name);
    if (text.empty()) continue;
    firmware.readable = true;
    if (firmware.hypervisor.empty()) firmware.hypervisor = meaning(kFirmware, text);
  }
  // Whole machines that are rented keep the vendor's name: "m7g.metal".
  if (product.find(".metal") != std::string::npos) firmware.hypervisor.clear();
  return firmware;
}

// What the processor answers: a signature, "none", or nothing where it cannot be asked.
std::string ask_processor(const FileTree& tree) {
#if defined(__x86_64__)
  if (!tree.recorded()) {
    const std::string signature = read_cpuid().hypervisor;
    if (signature.empty()) return "none";
    const std::string known = meaning(kSignatures, signature);
    return known.empty() ? signature : known;
  }
#endif
  const auto flags = find_value(tree.bytes("/proc/cpuinfo"), "flags");  // x86 alone has "flags"
  if (!flags) return "";
  return (" " + *flags + " ").find(" hypervisor ") == std::string::npos ? "none" : "unnamed";
}

void read_hypervisor(const FileTree& tree, Facts& facts) {
  const std::string processor = ask_processor(tree);
  const Firmware firmware = ask_firmware(tree);
  const std::string type = tree.line("/sys/hypervisor/type");  // "xen"
  const bool first_domain =
      tree.bytes("/proc/xen/capabilities").find("control_d") != std::string::npos;
  if (!processor.empty() && processor != "none" && processor != "unnamed") {
    facts.hypervisor = processor;
  } else if (!firmware.hypervisor.empty()) {
    facts.hypervisor = firmware.hypervisor;
  } else if (!type.empty()) {
    facts.hypervisor = type;
  } else if (processor == "unnamed" || tree.exists("/proc/device-tree/hypervisor")) {
    facts.hypervisor = "unnamed";
  }
  if (!facts.hypervisor.empty()) {
    facts.bare_metal = first_domain;
  } else if (processor == "none" || firmware.readable) {
    facts.bare_metal = true;
  } else {
    facts.unseen.push_back({"bare metal or virtual machine",
                            "neither the processor nor the firmware (/sys/class/dmi/id) tells",
                            ""});
  }
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// NAME=VALUE of the environment this process began with, which /proc separates by NUL.
std::string variable(const std::string& environment, std::string_view name) {
  for (std::string_view entry : split(environment, '\0')) {
    if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) {
      return std::string(entry.substr(name.size() + 1));
    }
  }
  return "";
}

// Paths that runtimes use for their groups and, where a name space hides those, for their mounts.
constexpr Mark kPaths[] = {
    {"kubepods", "kubernetes"},
    {"/kubelet/pods/", "kubernetes"},
    {"libpod", "podman"},
    {"/containers/storage/", "podman"},
    {"/docker/", "docker"},
    {"/docker-", "docker"},
    {"/lxc/", "lxc"},
    {"/lxc.", "lxc"},
    {"cri-containerd", "containerd"},
    {"io.containerd.", "containerd"},
    {"/garden/", "garden"},
};

void read_container(const FileTree& tree, Facts& facts) {
  const std::string environment = tree.bytes("/proc/self/environ");
  const auto found = [&](std::string_view what) { facts.container = printable(what); };
  if (!variable(environment, "KUBERNETES_SERVICE_HOST").empty() ||
      tree.exists("/run/secrets/kubernetes.io") || tree.exists("/var/run/secrets/kubernetes.io")) {
    return found("kubernetes");
  }
  if (tree.exists("/.dockerenv")) return found("docker");
  if (tree.exists("/run/.containerenv")) return found("podman");
  if (tree.exists("/.singularity.d")) return found("apptainer");
  if (contains(facts.kernel, "icrosoft")) return found("wsl");
  for (const std::string& said :
       {variable(environment, "container"), tree.line("/run/systemd/container"),
        variable(tree.bytes("/proc/1/environ"), "container")}) {
    if (!said.empty()) return found(said);
  }
  // The groups of this process, and what is mounted at its root.
  std::string paths = tree.bytes("/proc/self/cgroup") + tree.bytes("/proc/1/cgroup");
  const std::string mounts = tree.bytes("/proc/self/mountinfo");
  for (std::string_view line : split(mounts, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() > 4 && words[4] == "/") paths.append(line);
  }
  for (const Mark& mark : kPaths) {
    if (contains(paths, mark.seen)) return found(mark.means);
  }
}

}  // namespace

void read_virtualization(const FileTree& tree, Facts& facts) {
  read_hypervisor(tree, facts);
  read_container(tree, facts);
}

}  // namespace aisp::machine
