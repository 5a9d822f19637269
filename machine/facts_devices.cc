// Disks, network devices and RDMA ports, from sysfs.
// Source: Linux Documentation/ABI (stable/sysfs-block, testing/sysfs-class-net,
// stable/sysfs-class-infiniband).
#include <algorithm>
#include <charconv>

#include "machine/facts_parts.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

// "none [mq-deadline] kyber" -> "mq-deadline"; a single word stands for itself.
std::string chosen(const std::string& line) {
  const std::size_t open = line.find('['), close = line.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return line;
  return line.substr(open + 1, close - open - 1);
}

// The kernel writes -1 for "no node" and "unknown speed".
Maybe<int> from_zero(Maybe<int> value) { return value && *value >= 0 ? value : std::nullopt; }

Maybe<int> node_of_pci(const FileTree& tree, const std::string& address) {
  if (address.empty()) return std::nullopt;
  return from_zero(tree.number("/sys/bus/pci/devices/" + address + "/numa_node"));
}

Maybe<int> node_of(const FileTree& tree, const std::string& device, const std::string& address) {
  const Maybe<int> node = from_zero(tree.number(device + "/device/numa_node"));
  return node ? node : node_of_pci(tree, address);
}

std::uint64_t sectors_as_bytes(const std::string& text) {
  std::uint64_t sectors = 0;
  std::from_chars(text.data(), text.data() + text.size(), sectors);
  constexpr std::uint64_t kSectorBytes = 512, kMost = std::uint64_t{1} << 54;
  return sectors < kMost ? sectors * kSectorBytes : 0;
}

// Devices made of memory or of other files are no disks of this machine.
bool is_pretended(const std::string& name) {
  const char* const kinds[] = {"loop", "ram", "zram", "sr", "fd"};
  return std::any_of(std::begin(kinds), std::end(kinds), [&](const char* kind) {
    const std::string_view prefix(kind);
    return name.starts_with(prefix) &&
           name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
  });
}

void read_disks(const FileTree& tree, Facts& facts) {
  const std::string folder = "/sys/block";
  for (const std::string& name : tree.names(folder)) {
    if (is_pretended(name)) continue;
    const std::string at = folder + "/" + name;
    Disk disk;
    disk.name = name;
    disk.size_bytes = sectors_as_bytes(tree.line(at + "/size"));
    if (disk.size_bytes == 0) continue;  // an empty slot
    disk.model = tree.line(at + "/device/model");
    if (const auto turns = tree.number(at + "/queue/rotational")) disk.rotational = *turns != 0;
    disk.scheduler = chosen(tree.line(at + "/queue/scheduler"));
    disk.read_ahead_kb = from_zero(tree.number(at + "/queue/read_ahead_kb"));
    disk.queue_depth = from_zero(tree.number(at + "/queue/nr_requests"));
    disk.pci_address = tree.pci_address(at);
    disk.numa_node = node_of(tree, at, disk.pci_address);
    facts.disks.push_back(std::move(disk));
  }
  if (const std::string why = tree.why_not(folder); !why.empty()) {
    facts.unseen.push_back({"disks", why, ""});
  }
}

void read_network(const FileTree& tree, Facts& facts) {
  const std::string folder = "/sys/class/net";
  for (const std::string& name : tree.names(folder)) {
    const std::string at = folder + "/" + name;
    if (!tree.exists(at + "/mtu")) continue;  // bonding_masters is a file among the devices
    NetworkDevice device;
    device.name = name;
    device.physical = tree.exists(at + "/device");
    device.driver = tree.link_name(at + "/device/driver");
    device.state = tree.line(at + "/operstate");
    device.speed_mbit = from_zero(tree.number(at + "/speed"));
    device.mtu = from_zero(tree.number(at + "/mtu"));
    device.pci_address = tree.pci_address(at);
    device.numa_node = node_of(tree, at, device.pci_address);
    facts.network.push_back(std::move(device));
  }
  if (const std::string why = tree.why_not(folder); !why.empty()) {
    facts.unseen.push_back({"network devices", why, ""});
  }
}

// "4: ACTIVE" -> "ACTIVE".
std::string after_number(const std::string& line) {
  const std::size_t colon = line.find(": ");
  return colon == std::string::npos ? line : line.substr(colon + 2);
}

void read_rdma(const FileTree& tree, Facts& facts) {
  const std::string folder = "/sys/class/infiniband";
  for (const std::string& name : tree.names(folder)) {
    const std::string device = folder + "/" + name;
    for (const std::string& number : tree.names(device + "/ports")) {
      const std::string at = device + "/ports/" + number;
      RdmaPort port;
      port.device = name;
      port.port = static_cast<int>(parse_number(number).value_or(0));
      port.state = after_number(tree.line(at + "/state"));
      port.physical_state = after_number(tree.line(at + "/phys_state"));
      port.link_layer = tree.line(at + "/link_layer");
      port.firmware = tree.line(device + "/fw_ver");
      const std::string rate = tree.line(at + "/rate");  // "400 Gb/sec (4X NDR)"
      port.gbit_per_s = parse_number(std::string_view(rate).substr(0, rate.find(' ')));
      port.numa_node = node_of(tree, device, tree.pci_address(device));
      facts.rdma.push_back(std::move(port));
    }
  }
}

}  // namespace

void read_devices(const FileTree& tree, Facts& facts) {
  read_disks(tree, facts);
  read_network(tree, facts);
  read_rdma(tree, facts);
}

}  // namespace aisp::machine
