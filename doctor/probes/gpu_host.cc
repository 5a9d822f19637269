// What a machine must have beside its GPUs: cores and memory that feed them, direct storage, and
// permission to profile.
//
// Source: NVIDIA GPUDirect Storage installation and troubleshooting guide; NVIDIA development tools
// solutions ERR_NVGPUCTRPERM; Linux admin-guide/perf-security.rst.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "doctor/cgroups.h"
#include "doctor/dataset_place.h"
#include "doctor/limits.h"
#include "doctor/paths.h"
#include "doctor/processors.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::parse_number;
using machine::split;

const char* const kNoGpu = "no GPU";
constexpr double kGiB = 1024.0 * 1024 * 1024;

// GPUs that the subject may use: all that the driver shows, less what CUDA_VISIBLE_DEVICES hides.
std::size_t visible_gpus(const Evidence& evidence, std::vector<Reading>* read) {
  const std::size_t all = evidence.facts().gpus.size();
  const Text variable = evidence.variable("CUDA_VISIBLE_DEVICES");
  if (!variable) return all;
  read->push_back({"CUDA_VISIBLE_DEVICES", variable.value});
  std::size_t named = 0;
  for (const auto word : split(variable.value, ',')) {
    const auto number = parse_number(word);
    // What follows an invalid name is ignored by CUDA.
    if (word.empty() || (number && *number < 0) || word == "none" || word == "NoDevFiles") break;
    ++named;
  }
  return std::min(all, named);
}

Finding cpu_cores_per_gpu(const Evidence& evidence) {
  if (evidence.facts().gpus.empty()) return not_applicable(kNoGpu);
  const UsableCpus usable = usable_cpus(evidence);
  if (usable.count <= 0)
    return cannot_see("neither /sys nor /proc tells which processors there are");
  std::vector<Reading> read = usable.evidence;
  const std::size_t gpus = visible_gpus(evidence, &read);
  if (gpus == 0) return not_applicable("CUDA_VISIBLE_DEVICES hides every GPU");
  const double cores =
      std::min(static_cast<double>(physical_cores(evidence, usable.allowed).size()), usable.count);
  const double each = cores / static_cast<double>(gpus);
  read.push_back({"/sys/devices/system/cpu/cpu*/topology/thread_siblings_list",
                  fmt::format("{:g} cores for {} GPUs", cores, gpus)});
  const std::string says = fmt::format("{:.1f} cores for each of {} GPUs", each, gpus);
  const char* const cost =
      "a GPU waits while its process or loader waits for a core; "
      "lab ch12:kernel_launches measures launches";
  if (each < 1) return fail(says + ": not even one to launch work", read, cost);
  // One core launches work, one at least loads data.
  if (each < 2) return warn(says + ": none is left for its loader", read, cost);
  return ok(says, read);
}

Finding host_memory_per_gpu(const Evidence& evidence) {
  if (evidence.facts().gpus.empty()) return not_applicable(kNoGpu);
  double device = 0;
  for (const auto& gpu : evidence.facts().gpus) {
    if (gpu.memory_bytes) device += static_cast<double>(*gpu.memory_bytes);
  }
  if (device <= 0) return cannot_see("the GPUs do not tell their memory");
  const double kib =
      Evidence::number_of(evidence.read("/proc/meminfo").value, "MemTotal").value_or(0.0);
  if (kib <= 0) return cannot_see("/proc/meminfo: no MemTotal");
  double host = kib * 1024;
  std::vector<Reading> read = {{"/proc/meminfo", fmt::format("MemTotal {:.0f} kB", kib)}};
  if (const auto limit = memory_limit(evidence)) {
    read.push_back({limit->file, fmt::format("{}", limit->bytes)});
    host = std::min(host, static_cast<double>(limit->bytes));
  }
  const double ratio = host / device;
  const std::string says =
      fmt::format("{:.0f} GiB of host memory for {:.0f} GiB on GPUs ({:.1f} x)", host / kGiB,
                  device / kGiB, ratio);
  if (ratio < 1) {
    return warn(says, read,
                "checkpoints, staging and page cache do not fit at once: they wait for "
                "the disk");
  }
  return ok(ratio < 2 ? says + "; below 2 x, large checkpoints are tight" : says, read);
}

Finding gds_stack(const Evidence& evidence) {
  const machine::Facts& facts = evidence.facts();
  if (facts.gpus.empty()) return not_applicable(kNoGpu);
  const bool library = std::any_of(facts.libraries.begin(), facts.libraries.end(),
                                   [](const auto& l) { return l.name.starts_with("libcufile"); });
  if (!library) return not_applicable("GPUDirect Storage is not installed (no libcufile)");
  std::vector<Reading> read;
  std::vector<std::string> gaps;
  const Text version = evidence.read("/proc/driver/nvidia-fs/version");
  const bool module =
      version || Evidence::value_of(evidence.read("/proc/modules").value, "nvidia_fs");
  if (version) read.push_back({"/proc/driver/nvidia-fs/version", version.value});
  if (!module) {
    gaps.push_back("the module nvidia_fs is not loaded");
    read.push_back({"/proc/modules", "no nvidia_fs"});
  }
  const Text own = evidence.variable("CUFILE_ENV_PATH_JSON");
  const std::string config = own ? own.value : "/etc/cufile.json";
  const std::string text = evidence.read(config).value;
  const std::size_t at = text.find("\"allow_compat_mode\"");
  if (at != std::string::npos) {
    const std::string rest = text.substr(at, 48);
    const bool compatible = rest.find("true") < rest.find(',');
    read.push_back({config, fmt::format("allow_compat_mode {}", compatible ? "true" : "false")});
    if (compatible && !module) gaps.push_back("reads go through host memory without a word");
  }
  std::string why;
  if (const auto place = dataset_place(evidence, &why)) {
    const std::string& type = place->mount.type;
    const bool supported =
        type == "ext4" || type == "xfs" || is_parallel_type(type) || type.starts_with("nfs");
    read.push_back({"/proc/self/mountinfo", fmt::format("{} on {}", type, place->mount.point)});
    if (!supported) gaps.push_back(fmt::format("{} is not supported", type));
  }
  const std::string boot = evidence.read("/proc/cmdline").value;
  const bool translated = (boot.find("intel_iommu=on") != std::string::npos ||
                           boot.find("amd_iommu=on") != std::string::npos) &&
                          boot.find("iommu=pt") == std::string::npos;
  if (translated) {
    gaps.push_back("the IOMMU translates every transfer (iommu=pt is not set)");
    read.push_back({"/proc/cmdline", boot.substr(0, 200)});
  }
  if (gaps.empty()) return ok("module, configuration and file system fit", read);
  return warn(fmt::format("direct reads to GPU memory will not work: {}", fmt::join(gaps, "; ")),
              read, "each byte crosses host memory twice");
}

Finding profiler_access(const Evidence& evidence) {
  constexpr int kSysAdmin = 21, kPerfmon = 38;  // linux/capability.h
  const bool admin = has_capability(evidence, kSysAdmin);
  const bool allowed = admin || has_capability(evidence, kPerfmon);
  std::vector<Reading> read;
  std::vector<std::string> gaps;
  std::vector<Fix> fixes;
  const std::string file = "/proc/sys/kernel/perf_event_paranoid";
  const Text text = evidence.read(file);
  const auto level = parse_number(text.value);
  if (level) {
    read.push_back({file, text.value});
    if (*level > 2 && !allowed) {
      gaps.push_back(
          fmt::format("the kernel counts for nobody but root (perf_event_paranoid {:g})", *level));
      fixes.push_back({Fix::Kind::kWrite, file, "1"});
    }
  }
  const std::string driver = evidence.read("/proc/driver/nvidia/params").value;
  for (const char* const name : {"RmProfilingAdminOnly", "RestrictProfilingToAdminUsers"}) {
    const auto value = Evidence::value_of(driver, name);
    if (!value) continue;
    read.push_back({"/proc/driver/nvidia/params", fmt::format("{}: {}", name, *value)});
    if (*value != "0" && !admin) gaps.push_back("GPU counters are for administrators only");
  }
  if (!gaps.empty()) {
    return warn(fmt::format("{}", fmt::join(gaps, "; ")), read,
                "aisp profile and ncu show times, but not why", fixes);
  }
  if (!level) {
    return cannot_see(text ? file + ": no number" : "the kernel has no perf events: " + text.why,
                      read);
  }
  const bool hardware = evidence.exists("/sys/bus/event_source/devices/cpu") ||
                        !matching_paths(evidence, "/sys/bus/event_source/devices/armv8*").empty() ||
                        evidence.exists("/sys/bus/event_source/devices/cpu_core");
  return ok(hardware ? "counters may be read"
                     : "software events may be read; this machine shows no hardware counters",
            read);
}

}  // namespace

std::vector<Probe> gpu_host_probes() {
  return {{"cpu-cores-per-gpu", cpu_cores_per_gpu},
          {"host-memory-per-gpu", host_memory_per_gpu},
          {"gds-stack", gds_stack},
          {"profiler-access", profiler_access}};
}

}  // namespace aisp::doctor
