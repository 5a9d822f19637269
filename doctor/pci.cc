// See pci.h.
#include "doctor/pci.h"

#include <algorithm>

#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// "32.0 GT/s PCIe" -> 32; "Unknown" and absent -> 0.
double speed_of(const Text& text) {
  const auto value = machine::parse_number(text.value.substr(0, text.value.find(' ')));
  return value && *value > 0 && *value < 1000 ? *value : 0.0;
}

int lanes_of(const std::optional<double>& width) {
  return width && *width >= 1 && *width <= 32 ? static_cast<int>(*width) : 0;
}

PciLink link_at(const Evidence& evidence, const std::string& folder, const char* which) {
  return {speed_of(evidence.read(folder + "/" + which + "_link_speed")),
          lanes_of(evidence.number(folder + "/" + which + "_link_width"))};
}

// "0000:1b:00.0" and no other form.
bool is_address(std::string_view text) {
  return std::count(text.begin(), text.end(), ':') == 2 &&
         std::count(text.begin(), text.end(), '.') == 1;
}

}  // namespace

double PciLink::gb_per_s() const {
  const double coding = gt_per_s > 6 ? 128.0 / 130.0 : 0.8;  // 8b/10b up to PCIe 2.0
  return gt_per_s * lanes * coding / 8;
}

std::string pci_folder(const std::string& address) { return "/sys/bus/pci/devices/" + address; }

PciLink link_now(const Evidence& evidence, const std::string& folder) {
  return link_at(evidence, folder, "current");
}
PciLink link_most(const Evidence& evidence, const std::string& folder) {
  return link_at(evidence, folder, "max");
}

std::vector<std::string> pci_bridges(const Evidence& evidence, const std::string& address) {
  std::vector<std::string> bridges;
  const Text link = evidence.link(pci_folder(address));
  for (const auto part : machine::split(link.value, '/')) {
    if (is_address(part) && part != address) bridges.emplace_back(part);
  }
  return bridges;
}

std::string pci_parent(const Evidence& evidence, const std::string& address) {
  const auto bridges = pci_bridges(evidence, address);
  return bridges.empty() ? "" : bridges.back();
}

std::string rdma_address(const Evidence& evidence, const std::string& device) {
  const std::string target = evidence.link("/sys/class/infiniband/" + device + "/device").value;
  const std::string name = target.substr(target.rfind('/') + 1);
  if (is_address(name)) return name;
  // The class entry itself links to ".../0000:18:00.0/infiniband/mlx5_0".
  std::string found;
  const Text link = evidence.link("/sys/class/infiniband/" + device);
  for (const auto part : machine::split(link.value, '/')) {
    if (is_address(part)) found = std::string(part);
  }
  return found;
}

}  // namespace aisp::doctor
