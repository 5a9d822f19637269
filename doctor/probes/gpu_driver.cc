// The driver: its branch, its match with the CUDA runtime, persistence, the fabric manager, and
// suspending processes.
//
// Source: NVIDIA data center drivers documentation (branches, end of life); CUDA compatibility
// guide; driver persistence guide; Fabric Manager user guide; CUDA checkpointing.
#include <algorithm>

#include "doctor/gpus.h"
#include "doctor/processes.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// The version in "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release ...".
std::string kernel_module_version(const Evidence& evidence) {
  const Text text = evidence.read("/proc/driver/nvidia/version");
  const std::string line = text.value.substr(0, text.value.find('\n'));
  for (const auto word : machine::split(line, ' ')) {
    if (version_parts(word).size() >= 2 && word.find_first_not_of("0123456789.") == word.npos) {
      return std::string(word);
    }
  }
  return evidence.read("/sys/module/nvidia/version").value;
}

// Of the branches before 580 the last maintained one, 535, ended in June 2026, by the vendor's
// table.
constexpr int kOldestMaintained = 580;

Finding driver_current(const Evidence& evidence) {
  const std::string module = kernel_module_version(evidence);
  const std::string& library = evidence.facts().gpu_driver;
  if (module.empty() && library.empty()) {
    if (const auto none = without_gpus(evidence)) return *none;
    return cannot_see("neither the kernel module nor the library tells a version");
  }
  std::vector<Reading> read;
  if (!module.empty()) read.push_back({"/proc/driver/nvidia/version", module});
  if (!library.empty()) read.push_back({"driver's library", library});
  const auto& unseen = evidence.facts().unseen;
  const bool mismatch = std::any_of(unseen.begin(), unseen.end(), [](const auto& one) {
    return one.why.find("updated without a restart") != std::string::npos;
  });
  if (mismatch || (!module.empty() && !library.empty() && module != library)) {
    return fail(fmt::format("the running kernel module ({}) and the installed library ({}) differ: "
                            "an upgrade without a reboot",
                            module.empty() ? "?" : module, library.empty() ? "?" : library),
                read, "programs started now cannot use the GPUs");
  }
  const std::string& version = library.empty() ? module : library;
  const auto parts = version_parts(version);
  if (parts.empty()) return cannot_see(fmt::format("'{}' is no version", version.substr(0, 40)));
  if (parts[0] >= kOldestMaintained) {
    return ok(fmt::format("branch {} is maintained, or recent", parts[0]), read);
  }
  return warn(fmt::format("branch {} is no longer maintained", parts[0]), read,
              "no fixes for faults and security; CUDA 13 needs branch 580 or later");
}

Finding cuda_driver_runtime_match(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto& facts = evidence.facts();
  if (facts.cuda_runtime.empty()) return not_applicable("no CUDA runtime library is installed");
  const auto driver = version_parts(facts.cuda_driver);
  const auto runtime = version_parts(facts.cuda_runtime);
  if (driver.size() < 2 || runtime.size() < 2) return cannot_see("no version of the driver's CUDA");
  std::vector<Reading> read = {{"driver's CUDA", facts.cuda_driver},
                               {"CUDA runtime", facts.cuda_runtime}};
  if (std::pair(driver[0], driver[1]) >= std::pair(runtime[0], runtime[1])) {
    return ok(fmt::format("the driver's CUDA {} serves the runtime's {}", facts.cuda_driver,
                          facts.cuda_runtime),
              read);
  }
  for (const GpuUser& user : gpu_users(evidence)) {
    for (const std::string& file : mapped_files(evidence, user)) {
      if (file.find("libcuda.so") == std::string::npos || file.find("compat") == std::string::npos)
        continue;
      read.push_back({fmt::format("/proc/{}/maps", user.pid), file});
      return warn("processes run by the forward-compatibility package", read,
                  "it is only supported on data-center GPUs and lags behind driver features");
    }
  }
  if (driver[0] == runtime[0]) {
    return warn(fmt::format("CUDA runtime {} is newer than the driver's {}", facts.cuda_runtime,
                            facts.cuda_driver),
                read,
                "code that needs just-in-time compilation or later features fails at run time");
  }
  return fail(fmt::format("CUDA runtime {} does not work with the driver's {}", facts.cuda_runtime,
                          facts.cuda_driver),
              read, "every program built with this runtime fails to start");
}

bool persistence_daemon(const Evidence& evidence) {
  const auto names = evidence.list("/run/nvidia-persistenced");
  return std::find(names.begin(), names.end(), "socket") != names.end();
}

Finding gpu_persistence(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto on =
      sort_gpus(evidence, "persistence", [](const machine::Gpu& gpu) -> std::optional<Judged> {
        if (!gpu.persistence) return std::nullopt;
        return Judged{*gpu.persistence, *gpu.persistence ? "on" : "off"};
      });
  if (persistence_daemon(evidence)) {
    return ok("the persistence daemon runs", {{"/run/nvidia-persistenced/socket", "there"}});
  }
  if (on.good.empty() && on.bad.empty()) return cannot_see("the driver did not tell the mode");
  if (on.bad.empty()) {
    return ok(fmt::format("persistence is on: {}", gpus_in_words(on.good)), on.good_read);
  }
  return warn(fmt::format("persistence is off: {}", gpus_in_words(on.bad)), on.bad_read,
              "the driver initialises the GPU anew for the first process: seconds a start, and "
              "settings are lost",
              {{Fix::Kind::kCommand, "nvidia-smi -pm 1", "nvidia-smi -pm 0"}});
}

Finding fabric_manager(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto switches = evidence.list("/proc/driver/nvidia-nvswitch/devices");
  const auto fabric =
      sort_gpus(evidence, "fabric state", [](const machine::Gpu& gpu) -> std::optional<Judged> {
        if (!has_fabric(gpu)) return std::nullopt;
        return Judged{*gpu.fabric_state == "completed", *gpu.fabric_state};
      });
  const bool has_fabric = !fabric.good.empty() || !fabric.bad.empty();
  if (switches.empty() && !has_fabric) return not_applicable("no NVSwitch");
  if (switches.empty() && !evidence.facts().hypervisor.empty()) {
    return not_applicable("a guest: the host runs the fabric manager", fabric.good_read);
  }
  std::vector<Reading> read = fabric.bad.empty() ? fabric.good_read : fabric.bad_read;
  if (read.size() > 8) read.resize(8);
  read.push_back({"/proc/driver/nvidia-nvswitch/devices", fmt::format("{}", switches.size())});
  const Text active = evidence.command({"systemctl", "is-active", "nvidia-fabricmanager"});
  if (active) read.push_back({"systemctl is-active nvidia-fabricmanager", active.value});
  const std::vector<Fix> fixes = {
      {Fix::Kind::kCommand, "systemctl enable --now nvidia-fabricmanager", ""}};
  const char* const cost =
      "without it GPUs do not reach each other over NVLink: CUDA fails to "
      "start, or peers fall back to PCIe";
  if (!fabric.bad.empty()) {
    return fail(fmt::format("the NVSwitch fabric is not set up: {}", gpus_in_words(fabric.bad)),
                read, cost, fixes);
  }
  const Text version = evidence.command({"nv-fabricmanager", "--version"});
  const std::string& driver = evidence.facts().gpu_driver;
  if (version && !driver.empty() && version.value.find(driver) == std::string::npos) {
    read.push_back({"nv-fabricmanager --version", version.value.substr(0, 80)});
    return fail("fabric manager and driver have different versions", read, cost);
  }
  if (has_fabric) return ok("the NVSwitch fabric is set up on all GPUs", read);
  if (!active) return cannot_see(active.why, read);
  if (active.value == "active") return ok("the fabric manager runs", read);
  return fail("NVSwitches are there and the fabric manager does not run", read, cost, fixes);
}

Finding process_checkpoint_support(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto api = version_at_least(evidence.facts().gpu_driver, 570);
  if (!api) return cannot_see("the driver's version is unknown");
  std::vector<Reading> read = {{"driver", evidence.facts().gpu_driver}};
  const Text criu = evidence.command({"criu", "--version"});
  const bool tool = evidence.command({"cuda-checkpoint", "--help"}).seen != Text::Seen::kAbsent;
  if (!criu && !tool) {
    return not_applicable(
        "processes are not suspended here: neither criu nor cuda-checkpoint is "
        "installed",
        read);
  }
  if (criu) read.push_back({"criu --version", criu.value.substr(0, 40)});
  std::string plugin;
  for (const char* folder : {"/usr/lib/criu", "/usr/local/lib/criu", "/usr/lib64/criu",
                             "/usr/lib/x86_64-linux-gnu/criu", "/usr/lib/aarch64-linux-gnu/criu"}) {
    for (const std::string& name : evidence.list(folder)) {
      if (name == "cuda_plugin.so") plugin = fmt::format("{}/{}", folder, name);
    }
  }
  if (!plugin.empty()) read.push_back({"CUDA plugin", plugin});
  std::vector<std::string> missing;
  if (!*api) missing.push_back("a driver of branch 570 or later");
  if (!criu) missing.push_back("criu");
  if (plugin.empty()) missing.push_back("criu's CUDA plugin");
  if (missing.empty()) return ok("GPU processes can be suspended and restored", read);
  return warn(fmt::format("suspending GPU processes is half installed: missing {}",
                          fmt::join(missing, ", ")),
              read, "a dump of a GPU process fails; checkpoints of the model are not affected");
}

}  // namespace

std::vector<Probe> gpu_driver_probes() {
  return {{"driver-current", driver_current},
          {"cuda-driver-runtime-match", cuda_driver_runtime_match},
          {"gpu-persistence", gpu_persistence},
          {"fabric-manager", fabric_manager},
          {"process-checkpoint-support", process_checkpoint_support}};
}

}  // namespace aisp::doctor
