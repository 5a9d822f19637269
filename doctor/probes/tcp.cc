// The network as the kernel runs it: TCP buffers, losses, frame sizes, congestion control, and
// which processors serve the adapters' interrupts.
//
// Source: tcp(7), Linux Documentation/networking/ip-sysctl.rst and snmp_counter.rst,
// core-api/irq/irq-affinity.rst, Documentation/ABI/testing/sysfs-class-net.
#include <fmt/format.h>

#include <algorithm>

#include "doctor/paths.h"
#include "doctor/processors.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::NetworkDevice;
using machine::parse_number;
using machine::split;

constexpr double kMiB = 1024.0 * 1024;
constexpr int kWideLink = 10'000;  // Mbit/s: below it the defaults carry the link

// Adapters that carry data: physical, up, 10 Gbit/s or more. `none` says why there is none.
std::vector<NetworkDevice> quick_links(const Evidence& evidence, std::string* none) {
  std::vector<NetworkDevice> links;
  bool unknown = false;
  for (const NetworkDevice& device : evidence.facts().network) {
    if (!device.physical || device.state != "up") continue;
    if (!device.speed_mbit || *device.speed_mbit <= 0) {
      unknown = true;
    } else if (*device.speed_mbit >= kWideLink) {
      links.push_back(device);
    }
  }
  *none = unknown ? "no adapter says that it has 10 Gbit/s or more (virtual ones name no speed)"
                  : "no adapter of 10 Gbit/s or more is up";
  return links;
}

// The last of "4096 131072 6291456", or the only number.
std::optional<double> last_number(const Text& text) {
  std::optional<double> last;
  std::string words = text.value;
  std::replace(words.begin(), words.end(), '\t', ' ');
  for (const auto word : split(words, ' ')) {
    if (const auto number = parse_number(word)) last = number;
  }
  return last;
}

Finding tcp_buffer_limits(const Evidence& evidence) {
  std::string none;
  const auto links = quick_links(evidence, &none);
  if (links.empty()) return not_applicable(none);
  int speed = 0;
  for (const auto& link : links) speed = std::max(speed, *link.speed_mbit);
  // What is on its way at this rate within 2 ms, twice, as half of a buffer is bookkeeping; at
  // least the 64 MiB that vendors' guides name.
  const double in_flight = speed * 1e6 / 8 * 2e-3 * 2;
  const double wanted = std::max(64 * kMiB, in_flight);
  const std::string folder = "/proc/sys/net/";
  std::vector<Reading> bad, good;
  std::vector<Fix> fixes;
  for (const char* const name :
       {"core/rmem_max", "core/wmem_max", "ipv4/tcp_rmem", "ipv4/tcp_wmem"}) {
    const Text text = evidence.read(folder + name);
    const auto most = last_number(text);
    if (!most) continue;
    const bool fits = *most >= wanted;
    (fits ? good : bad).push_back({folder + name, text.value});
    if (fits) continue;
    const bool triple = std::string(name).starts_with("ipv4");
    const std::string value = fmt::format("{:.0f}", std::max(wanted, 128 * kMiB));
    fixes.push_back(
        {Fix::Kind::kWrite, folder + name,
         !triple ? value
                 : fmt::format("4096 {} {}", std::string(name).ends_with("rmem") ? 131072 : 65536,
                               value)});
  }
  if (bad.empty() && good.empty()) return cannot_see("/proc/sys/net: no buffer limits");
  if (bad.empty()) return ok("buffers fit the link", good);
  return warn(fmt::format("{} of {} socket buffer limits are below {:.0f} MiB, with a link of "
                          "{:g} Gbit/s",
                          bad.size(), bad.size() + good.size(), wanted / kMiB, speed / 1000.0),
              bad,
              "one connection carries at most its buffer in a round trip: 6 MiB in 1 ms are "
              "25 Gbit/s",
              fixes);
}

Finding jumbo_frames(const Evidence& evidence) {
  std::string none;
  auto links = quick_links(evidence, &none);
  const auto& rdma = evidence.facts().rdma;
  const bool fabric = std::any_of(rdma.begin(), rdma.end(),
                                  [](const auto& port) { return port.link_layer == "InfiniBand"; });
  // Beside an InfiniBand fabric, 10 Gbit/s are the management network.
  if (fabric) std::erase_if(links, [](const auto& link) { return *link.speed_mbit <= kWideLink; });
  std::erase_if(links, [](const auto& link) { return link.name.starts_with("ib"); });
  if (links.empty()) return not_applicable(fabric ? "data goes over InfiniBand" : none);
  std::vector<Reading> bad, good;
  std::vector<Fix> fixes;
  for (const auto& link : links) {
    const std::string file = fmt::format("/sys/class/net/{}/mtu", link.name);
    const auto mtu = link.mtu ? std::optional<double>(*link.mtu) : evidence.number(file);
    if (!mtu) continue;
    (*mtu >= 8900 ? good : bad).push_back({file, fmt::format("{:g}", *mtu)});
    if (*mtu < 8900)
      fixes.push_back({Fix::Kind::kCommand, fmt::format("ip link set {} mtu 9000", link.name),
                       fmt::format("ip link set {} mtu {:g}", link.name, *mtu)});
  }
  if (bad.empty() && good.empty()) return cannot_see("no adapter tells its frame size");
  if (bad.empty()) return ok(fmt::format("{} adapters have large frames", good.size()), good);
  return warn(fmt::format("{} of {} data adapters have frames of {} bytes", bad.size(),
                          bad.size() + good.size(), bad[0].value),
              bad, "six times the packets, and their share of a processor; every hop must agree",
              fixes);
}

Finding tcp_congestion_control(const Evidence& evidence) {
  const std::string folder = "/proc/sys/net/ipv4/";
  const Text chosen = evidence.read(folder + "tcp_congestion_control");
  if (!chosen) return cannot_see(chosen.why);
  std::vector<Reading> read = {{folder + "tcp_congestion_control", chosen.value}};
  const Text queue = evidence.read("/proc/sys/net/core/default_qdisc");
  if (queue) read.push_back({"/proc/sys/net/core/default_qdisc", queue.value});
  const Text available = evidence.read(folder + "tcp_available_congestion_control");
  if (available) read.push_back({folder + "tcp_available_congestion_control", available.value});
  if (chosen.value.empty()) return cannot_see(folder + "tcp_congestion_control is empty");
  if (chosen.value == "reno") {
    return warn("congestion control is reno: one lost packet halves the rate", read,
                "minutes until a long 10 Gbit/s path is full again; matters beyond one data center",
                {{Fix::Kind::kWrite, folder + "tcp_congestion_control", "cubic"}});
  }
  return ok(chosen.value + (queue ? ", queue " + queue.value : std::string()), read);
}

// Values of one protocol in /proc/net/snmp or netstat: a line of names, a line of numbers.
std::map<std::string, double> protocol_counters(const std::string& text, const std::string& name) {
  std::vector<std::string_view> names;
  std::map<std::string, double> values;
  for (const auto line : split(text, '\n')) {
    if (!line.starts_with(name + ":")) continue;
    const auto words = split(line, ' ');
    if (names.empty()) {
      names = words;
      continue;
    }
    for (std::size_t i = 1; i < std::min(words.size(), names.size()); ++i) {
      if (const auto number = parse_number(words[i])) values[std::string(names[i])] = *number;
    }
    break;
  }
  return values;
}

// Frames that adapters lost in the window.
std::vector<Reading> lost_frames(const Evidence& evidence) {
  std::vector<Reading> lost;
  for (const char* const name : {"rx_errors", "rx_missed_errors", "tx_errors"}) {
    for (const std::string& path :
         matching_paths(evidence, fmt::format("/sys/class/net/*/statistics/{}", name))) {
      const double now = evidence.number(path).value_or(0.0);
      const double before = parse_number(evidence.earlier(path).value).value_or(now);
      if (now > before) lost.push_back({path, fmt::format("{:g} -> {:g}", before, now)});
    }
  }
  return lost;
}

Finding tcp_loss(const Evidence& evidence) {
  const char* const cost =
      "a lost packet costs a round trip or a 200 ms timeout; NCCL and data "
      "loading wait for the slowest connection";
  const std::vector<Reading> lost = lost_frames(evidence);
  if (!lost.empty()) {
    return warn(fmt::format("adapters lose frames now ({} counters grow)", lost.size()), lost,
                cost);
  }
  const Text text = evidence.read("/proc/net/snmp");
  if (!text) return cannot_see(text.why);
  auto now = protocol_counters(text.value, "Tcp");
  if (!now.contains("OutSegs") || !now.contains("RetransSegs")) {
    return cannot_see("/proc/net/snmp: no OutSegs and RetransSegs");
  }
  auto before = protocol_counters(evidence.earlier("/proc/net/snmp").value, "Tcp");
  const bool window = before.contains("OutSegs") && before.contains("RetransSegs");
  const double sent = window ? now["OutSegs"] - before["OutSegs"] : 0.0;
  const double again = window ? now["RetransSegs"] - before["RetransSegs"] : 0.0;
  const double ever = now["OutSegs"] > 0 ? now["RetransSegs"] / now["OutSegs"] : 0.0;
  const std::vector<Reading> read = {
      {"/proc/net/snmp", fmt::format("now {:g} of {:g} segments sent again; since boot {:.3f} %",
                                     again, sent, ever * 100)}};
  constexpr double kEnough = 1000;  // segments: below, one retransmission is more than 0.1 %
  if (sent >= kEnough && again > 0.001 * sent) {
    return warn(fmt::format("{:.2f} % of TCP segments are sent again now", again / sent * 100),
                read, cost);
  }
  if (sent < kEnough && now["OutSegs"] > 1e6 && ever > 0.01) {
    return warn(fmt::format("{:.1f} % of TCP segments since boot were sent again", ever * 100),
                read, cost);
  }
  return ok(sent >= kEnough
                ? "no loss beyond 0.1 % now"
                : fmt::format("little traffic now; {:.3f} % sent again since boot", ever * 100),
            read);
}

struct Interrupts {
  std::size_t seen = 0;
  std::vector<std::string> far;  // files that say where interrupts may go
};

// Interrupts of the adapter that are served on processors of other nodes.
Interrupts interrupts_of(const Evidence& evidence, const std::string& name,
                         const std::set<int>& local) {
  Interrupts found;
  for (const std::string& number :
       evidence.list(fmt::format("/sys/class/net/{}/device/msi_irqs", name))) {
    const std::string folder = fmt::format("/proc/irq/{}/", number);
    Text text = evidence.read(folder + "effective_affinity_list");
    if (!text || text.value.empty()) text = evidence.read(folder + "smp_affinity_list");
    const auto cpus = parse_cpu_list(text.value);
    if (!text || !cpus || cpus->empty()) continue;
    ++found.seen;
    if (!std::includes(local.begin(), local.end(), cpus->begin(), cpus->end())) {
      found.far.push_back(folder + "smp_affinity_list");
    }
  }
  return found;
}

Finding nic_irq_affinity(const Evidence& evidence) {
  const auto nodes = numa_nodes(evidence);
  if (nodes.empty()) return cannot_see("/sys/devices/system/node: not there or empty");
  if (nodes.size() == 1) return not_applicable("one NUMA node");
  std::vector<Reading> read;
  std::vector<Fix> fixes;
  std::size_t seen = 0, far = 0;
  for (const NetworkDevice& device : evidence.facts().network) {
    if (!device.physical || device.state != "up" || !device.numa_node) continue;
    const auto node = nodes.find(*device.numa_node);
    if (node == nodes.end()) continue;
    const Interrupts found = interrupts_of(evidence, device.name, node->second);
    seen += found.seen;
    far += found.far.size();
    if (found.seen == 0) continue;
    read.push_back(
        {fmt::format("/proc/irq/*/effective_affinity_list of {}", device.name),
         fmt::format("{} of {} away from node {}", found.far.size(), found.seen, node->first)});
    for (const std::string& file : found.far) {
      fixes.push_back({Fix::Kind::kWrite, file, cpu_list_text(node->second)});
    }
  }
  if (seen == 0)
    return cannot_see("no adapter with a node and interrupts of its own is shown", read);
  if (far == 0)
    return ok(fmt::format("{} interrupts are served on their adapter's node", seen), read);
  const bool balanced =
      evidence.exists("/run/irqbalance") || evidence.exists("/run/irqbalance.pid");
  return warn(fmt::format("{} of {} network interrupts are served on another node{}", far, seen,
                          balanced ? " (irqbalance runs and will move them again)" : ""),
              read,
              "each packet crosses the sockets' link; aisp machine --ceilings measures the "
              "distance",
              fixes);
}

}  // namespace

std::vector<Probe> tcp_probes() {
  return {
      {"tcp-buffer-limits", tcp_buffer_limits},
      {"jumbo-frames", jumbo_frames},
      {"tcp-congestion-control", tcp_congestion_control},
      {"tcp-loss",
       tcp_loss,
       {"/proc/net/snmp", "/sys/class/net/*/statistics/rx_errors",
        "/sys/class/net/*/statistics/rx_missed_errors", "/sys/class/net/*/statistics/tx_errors"}},
      {"nic-irq-affinity", nic_irq_affinity}};
}

}  // namespace aisp::doctor
