// Firmware: equal devices should have equal versions.
//
// Source: Linux Documentation/ABI (sysfs-class-infiniband, sysfs-nvme, sysfs-firmware-dmi), NVML.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "doctor/paths.h"
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

// Different versions among devices of one model: a fleet with one forgotten card.
Finding firmware_versions(const Evidence& evidence) {
  std::map<std::string, std::set<std::string>> versions;
  std::vector<Reading> read;
  for (const auto& gpu : evidence.facts().gpus) {
    if (gpu.vbios) versions["VBIOS of " + gpu.name].insert(*gpu.vbios);
    if (gpu.gsp_firmware) versions["GSP firmware of " + gpu.name].insert(*gpu.gsp_firmware);
  }
  for (const auto& port : evidence.facts().rdma) {
    const std::string file = fmt::format("/sys/class/infiniband/{}/hca_type", port.device);
    const Text model = evidence.read(file);
    // Without its model an adapter is compared with those of the same driver: "mlx5_3" -> "mlx5".
    const std::string kind = model ? model.value : port.device.substr(0, port.device.find('_'));
    if (!port.firmware.empty()) versions["firmware of " + kind].insert(port.firmware);
  }
  for (const std::string& path : matching_paths(evidence, "/sys/class/nvme/nvme*/firmware_rev")) {
    const std::string folder = path.substr(0, path.rfind('/'));
    const Text revision = evidence.read(path);
    if (revision)
      versions["firmware of " + evidence.read(folder + "/model").value].insert(revision.value);
  }
  std::vector<std::string> mixed;
  for (const auto& [what, found] : versions) {
    read.push_back({what, fmt::format("{}", fmt::join(found, ", "))});
    if (found.size() > 1) mixed.push_back(fmt::format("{}: {}", what, fmt::join(found, " and ")));
  }
  const Text bios = evidence.read("/sys/class/dmi/id/bios_version");
  const Text date = evidence.read("/sys/class/dmi/id/bios_date");
  if (bios) read.push_back({"/sys/class/dmi/id/bios_version", bios.value});
  if (date) read.push_back({"/sys/class/dmi/id/bios_date", date.value});
  if (!mixed.empty()) {
    return warn(fmt::format("equal devices have different firmware: {}", mixed[0]), read,
                "one slow or faulty device holds up all that wait for it");
  }
  if (read.empty()) return cannot_see("no firmware tells its version");
  if (versions.empty() && !evidence.facts().hypervisor.empty()) {
    return not_applicable("a virtual machine's firmware belongs to its host", read);
  }
  return ok(fmt::format("one version each{}; compare with others by aisp doctor --compare",
                        date ? ", BIOS of " + date.value : std::string()),
            read);
}

}  // namespace

std::vector<Probe> firmware_probes() { return {{"firmware-versions", firmware_versions}}; }

}  // namespace aisp::doctor
