// What tuners and compilers keep between runs: is it kept, and does it still fit the machine?
//
// Source: CUDA programming guide (CUDA_CACHE_*); Triton (TRITON_CACHE_DIR, metadata of compiled
// kernels); PyTorch (TORCHINDUCTOR_CACHE_DIR); vLLM (fused_moe/configs, named by device).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "doctor/paths.h"
#include "doctor/stored_runs.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

struct CacheFolder {
  const char* what;
  const char* variable;
  std::string usual;
};

std::vector<CacheFolder> cache_folders(const Evidence& evidence) {
  const Text home = evidence.variable("HOME"), user = evidence.variable("USER");
  const std::string at = home ? home.value : "";
  return {{"CUDA", "CUDA_CACHE_PATH", at.empty() ? "" : at + "/.nv/ComputeCache"},
          {"Triton", "TRITON_CACHE_DIR", at.empty() ? "" : at + "/.triton/cache"},
          {"Inductor", "TORCHINDUCTOR_CACHE_DIR",
           user ? "/tmp/torchinductor_" + user.value : std::string()}};
}

std::string place(const Evidence& evidence, const CacheFolder& one) {
  const Text set = evidence.variable(one.variable);
  return set ? set.value : one.usual;
}

Finding caches_kept(const Evidence& evidence) {
  const Text off = evidence.variable("CUDA_CACHE_DISABLE");
  if (off && off.value == "1") {
    return warn("CUDA_CACHE_DISABLE=1: kernels are compiled anew in every process",
                {{"CUDA_CACHE_DISABLE", "1"}}, "seconds to minutes at every start",
                {{Fix::Kind::kVariable, "CUDA_CACHE_DISABLE", "0"}});
  }
  std::vector<Reading> read, lost;
  for (const CacheFolder& one : cache_folders(evidence)) {
    const std::string folder = place(evidence, one);
    const bool set = static_cast<bool>(evidence.variable(one.variable));
    if (folder.empty() || (evidence.list(folder).empty() && !set)) continue;
    const auto holds = evidence.file_system(folder);
    if (!holds) {
      lost.push_back({folder, fmt::format("{} names it, and it is not there", one.variable)});
      continue;
    }
    const bool gone = holds->type == "tmpfs" || holds->type == "overlay" || holds->type == "ramfs";
    (gone ? lost : read).push_back({folder, fmt::format("{} cache on {}", one.what, holds->type)});
  }
  if (!lost.empty()) {
    return warn(fmt::format("{}: {}; it is lost with the container or at reboot",
                            lost.front().source, lost.front().value),
                lost, "compiling and tuning again at every start: seconds to minutes");
  }
  if (!read.empty()) return ok(fmt::format("{} caches on disks that last", read.size()), read);
  if (evidence.facts().gpus.empty())
    return not_applicable("no GPU, and no compile cache is in use");
  return ok("no compile cache is in use yet; its usual place is on a disk", {});
}

// "arch": 90 of Triton's metadata, or -1.
int compiled_for(const Json& metadata) {
  if (!metadata.is_object()) return -1;
  const Json target = metadata.value("target", Json());
  const Json arch = target.is_object() ? target.value("arch", Json()) : Json();
  return arch.is_number_integer() ? arch.get<int>() : -1;
}

constexpr std::size_t kMostEntries = 200;  // of a cache: read within a second

Finding cache_stale(const Evidence& evidence) {
  std::set<int> here;
  for (const auto& gpu : evidence.facts().gpus) {
    if (gpu.compute_major && gpu.compute_minor) {
      here.insert(*gpu.compute_major * 10 + *gpu.compute_minor);
    }
  }
  if (evidence.facts().gpus.empty()) return not_applicable("no GPU: nothing tunes for one here");
  const std::string folder = place(evidence, cache_folders(evidence)[1]);
  if (folder.empty() || !folder.starts_with('/')) return cannot_see("HOME is not known");
  if (here.empty()) return cannot_see("the compute capability of the GPUs is not known");
  std::size_t fits = 0, stale = 0;
  std::string example;
  std::set<std::string> versions;
  for (const std::string& path : matching_paths(evidence, folder + "/*/*.json")) {
    if (fits + stale == kMostEntries) break;
    const Text text = evidence.read(path);
    const Json metadata = Json::parse(text.value, nullptr, false);
    const int arch = compiled_for(metadata);
    if (arch < 0) continue;
    if (const Json version = metadata.value("triton_version", Json()); version.is_string()) {
      versions.insert(version.get<std::string>());
    }
    if (here.contains(arch)) {
      ++fits;
    } else {
      ++stale;
      example = fmt::format("sm_{}", arch);
    }
  }
  if (fits + stale == 0) return not_applicable(folder + " holds no compiled kernel");
  std::vector<Reading> read = {{folder, fmt::format("{} kernels fit, {} do not; Triton {}", fits,
                                                    stale, fmt::join(versions, ", "))}};
  if (stale > 0) {
    return warn(fmt::format("{} of {} cached kernels are for {}, not for this GPU", stale,
                            fits + stale, example),
                read, "they are dead weight, and the tuning behind them is not of this machine");
  }
  if (versions.size() > 1) {
    return warn(fmt::format("cached kernels of {} Triton versions: {}", versions.size(),
                            fmt::join(versions, ", ")),
                read, "those of older versions are not used again");
  }
  return ok(fmt::format("all {} cached kernels are for this GPU", fits), read);
}

// vLLM's tuned tiles of mixture-of-experts layers:
// E=8,N=7168,device_name=NVIDIA_H100_80GB_HBM3.json
Finding autotune_registry(const Evidence& evidence) {
  if (evidence.facts().gpus.empty())
    return not_applicable("no GPU: no tuned kernel configurations");
  std::vector<std::string> files;
  for (const char* root : {"/usr/lib/python3*", "/usr/local/lib/python3*", "/opt/*/lib/python3*"}) {
    for (const char* packages : {"/dist-packages", "/site-packages"}) {
      for (auto& path : matching_paths(evidence, fmt::format("{}{}/vllm/model_executor/layers/"
                                                             "fused_moe/configs/*.json",
                                                             root, packages))) {
        files.push_back(path);
      }
    }
  }
  const Text own = evidence.variable("VLLM_TUNED_CONFIG_FOLDER");
  if (own) {
    for (const std::string& name : evidence.list(own.value))
      files.push_back(own.value + "/" + name);
  }
  if (files.empty()) return not_applicable("no registry of tuned kernels (vLLM) is installed");
  std::string device = evidence.facts().gpus.front().name;
  std::replace(device.begin(), device.end(), ' ', '_');
  const auto mine = std::count_if(files.begin(), files.end(), [&](const std::string& path) {
    return path.find("device_name=" + device) != std::string::npos;
  });
  const std::string folder = files.front().substr(0, files.front().rfind('/'));
  std::vector<Reading> read = {
      {folder, fmt::format("{} entries, {} for {}", files.size(), mine, device)}};
  if (mine == 0) {
    return warn("vLLM has no tuned mixture-of-experts tiles for " + device, read,
                "it falls back to a default and says so at start",
                {{Fix::Kind::kCommand, "python benchmarks/kernels/benchmark_moe.py --tune", ""}});
  }
  return ok(fmt::format("{} tuned configurations for {}", mine, device), read);
}

}  // namespace

std::vector<Probe> tuning_cache_probes() {
  return {{"tuning-caches-kept", caches_kept},
          {"tuning-cache-stale", cache_stale},
          {"autotune-registry", autotune_registry}};
}

}  // namespace aisp::doctor
