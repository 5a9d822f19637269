// GPUs that several processes or tenants share: MPS, MIG, limits, serving beside training.
//
// Source: NVIDIA MPS documentation; NVIDIA MIG user guide; mig-parted (nvidia-mig-manager).
#include <algorithm>

#include "doctor/gpus.h"
#include "doctor/paths.h"
#include "doctor/processes.h"
#include "doctor/serving.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::Gpu;

std::vector<GpuUser> users_of(const std::vector<GpuUser>& users, int gpu) {
  std::vector<GpuUser> some;
  for (const GpuUser& user : users) {
    if (std::find(user.gpus.begin(), user.gpus.end(), gpu) != user.gpus.end()) {
      some.push_back(user);
    }
  }
  return some;
}

std::string pids_of(const std::vector<GpuUser>& users) {
  std::vector<int> pids;
  for (const GpuUser& user : users) pids.push_back(user.pid);
  return numbers_in_words(pids);
}

bool mps_runs(const Evidence& evidence) {
  return !processes_named(evidence, "nvidia-cuda-mps-control").empty();
}

Finding mps_for_shared_gpu(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto users = gpu_users(evidence);
  if (users.empty()) return not_applicable("no process holds a GPU");
  std::vector<Reading> shared;
  for (const Gpu& gpu : evidence.facts().gpus) {
    const auto here = users_of(users, gpu.index);
    if (gpu.mig_now.value_or(false) || here.size() < 2) continue;
    shared.push_back({fmt::format("GPU {}: processes", gpu.index), pids_of(here)});
  }
  if (shared.empty()) return ok("no whole GPU is shared by processes");
  if (mps_runs(evidence)) return ok("processes share a GPU through MPS", shared);
  return warn(
      fmt::format("{}: several processes on a GPU, without MPS", shared.front().source), shared,
      "their kernels take turns in time slices; MPS lets them run together",
      {{Fix::Kind::kCommand, "nvidia-cuda-mps-control -d", "echo quit | nvidia-cuda-mps-control"}});
}

bool any_mig(const Evidence& evidence) {
  const auto& gpus = evidence.facts().gpus;
  return std::any_of(gpus.begin(), gpus.end(),
                     [](const Gpu& gpu) { return gpu.mig_now.value_or(false); });
}

Finding mig_persistence(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  if (!any_mig(evidence)) return not_applicable("MIG is off");
  std::vector<int> forgetful, empty;
  std::vector<Reading> read;
  for (const Gpu& gpu : evidence.facts().gpus) {
    if (!gpu.mig_now.value_or(false)) continue;
    if (gpu.persistence == false) forgetful.push_back(gpu.index);
    if (gpu.mig_devices.empty()) empty.push_back(gpu.index);
    read.push_back({fmt::format("GPU {}: persistence, instances", gpu.index),
                    fmt::format("{}, {}", gpu.persistence.value_or(false) ? "on" : "off",
                                gpu.mig_devices.size())});
  }
  const std::vector<Fix> fixes = {{Fix::Kind::kCommand, "nvidia-smi -pm 1", "nvidia-smi -pm 0"}};
  if (!forgetful.empty()) {
    return warn(fmt::format("MIG without persistence: {}", gpus_in_words(forgetful)), read,
                "a reset or reload of the driver clears the instances", fixes);
  }
  if (!empty.empty()) {
    return warn(fmt::format("MIG is on and no instance exists: {}", gpus_in_words(empty)), read,
                "such a GPU can run nothing");
  }
  bool declared = false;
  for (const char* pattern : {"/etc/systemd/system/*.wants/nvidia-mig-manager.service",
                              "/etc/nvidia-mig-manager/config.yaml"}) {
    for (const std::string& path : matching_paths(evidence, pattern)) {
      if (!evidence.exists(path) && !evidence.link(path)) continue;
      declared = true;
      read.push_back({path, "there"});
    }
  }
  const Text enabled = evidence.command({"systemctl", "is-enabled", "nvidia-mig-manager"});
  declared = declared || enabled.value == "enabled";
  if (declared) return ok("the MIG layout is declared and made at boot", read);
  return warn("no service makes the MIG instances again at boot", read,
              "after a reboot the node has MIG on and no instances");
}

bool maps_nccl(const Evidence& evidence, const GpuUser& user) {
  const auto files = mapped_files(evidence, user);
  return std::any_of(files.begin(), files.end(), [](const std::string& file) {
    return file.find("libnccl") != std::string::npos;
  });
}

// Generations with MIG: compute capability 8.0, 9.0 and 10.x on data-center boards.
bool can_mig(const Gpu& gpu) {
  const int major = gpu.compute_major.value_or(0);
  return gpu.mig_now && has_stacked_memory(gpu) && (major == 8 || major == 9 || major == 10);
}

Finding mig_fit(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto users = gpu_users(evidence);
  if (users.empty()) return not_applicable("no process holds a GPU");
  constexpr int kHardlyBusy = 15;        // percent
  constexpr double kOneSlice = 1.0 / 8;  // of the memory: the smallest profile
  std::vector<Reading> read;
  for (const Gpu& gpu : evidence.facts().gpus) {
    const auto here = users_of(users, gpu.index);
    for (const GpuUser& user : here) {
      if (!gpu.mig_now.value_or(false) || positive(user.environment, "WORLD_SIZE") < 2) continue;
      if (!maps_nccl(evidence, user)) continue;
      read.push_back(
          {fmt::format("process {} on a slice of GPU {}: WORLD_SIZE", user.pid, gpu.index),
           user.environment.at("WORLD_SIZE")});
      return warn("a rank of a parallel job runs on a MIG slice", read,
                  "slices have no peer access: NCCL goes through host memory");
    }
    if (gpu.mig_now.value_or(true) || !can_mig(gpu) || here.size() != 1 || !gpu.memory_bytes) {
      continue;
    }
    const auto used = gpu.processes.front().memory_bytes;
    if (gpu.utilization_percent.value_or(100) >= kHardlyBusy || !used ||
        static_cast<double>(*used) > kOneSlice * static_cast<double>(*gpu.memory_bytes)) {
      continue;
    }
    read.push_back({fmt::format("GPU {}: one process", gpu.index),
                    fmt::format("{} % busy, {:.1f} GB", *gpu.utilization_percent,
                                static_cast<double>(*used) / 1e9)});
  }
  if (read.empty()) return ok("no rank runs on a slice, and no whole GPU serves a small process");
  return warn(fmt::format("{} whole GPU(s) serve one small process each", read.size()), read,
              "a slice of one seventh would do; one reading of the busy time");
}

Finding multitenant_limits(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto users = gpu_users(evidence);
  if (users.empty()) return not_applicable("no process holds a GPU");
  const bool mps = mps_runs(evidence);
  std::vector<Reading> bad, good;
  for (const Gpu& gpu : evidence.facts().gpus) {
    std::set<int> owners;
    bool limited = mps;
    for (const GpuUser& user : users_of(users, gpu.index)) {
      if (user.uid) owners.insert(*user.uid);
      limited = limited && user.environment.contains("CUDA_MPS_ACTIVE_THREAD_PERCENTAGE") &&
                user.environment.contains("CUDA_MPS_PINNED_DEVICE_MEM_LIMIT");
    }
    if (owners.empty()) continue;
    const bool fine = owners.size() == 1 || gpu.mig_now.value_or(false) || limited;
    (fine ? good : bad)
        .push_back({fmt::format("GPU {}: owners of processes", gpu.index),
                    fmt::format("{}", fmt::join(owners, ", "))});
  }
  if (!bad.empty()) {
    return warn("several users share a GPU without limits", bad,
                "one tenant's kernels and allocations delay or fail the others'");
  }
  if (good.empty()) return cannot_see("the owners of GPU processes cannot be read");
  return ok("no GPU is shared by users without limits", good);
}

Finding mig_slice_layout(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  if (!any_mig(evidence)) return not_applicable("MIG is off");
  std::vector<Reading> read;
  std::vector<int> idle, crowded;
  for (const Gpu& gpu : evidence.facts().gpus) {
    if (!gpu.mig_now.value_or(false)) continue;
    const auto slices = gpu.mig_devices.size(), processes = gpu.processes.size();
    if (slices > 0 && processes == 0) idle.push_back(gpu.index);
    if (processes > slices) crowded.push_back(gpu.index);
    read.push_back(
        {fmt::format("GPU {}: slices, processes", gpu.index),
         fmt::format("{} ({}), {}", slices, fmt::join(gpu.mig_devices, ", "), processes)});
  }
  if (!idle.empty() && !crowded.empty()) {
    return warn(fmt::format("slices of {} are idle while those of {} are shared",
                            gpus_in_words(idle), gpus_in_words(crowded)),
                read, "processes on one slice take turns");
  }
  if (!crowded.empty()) {
    return warn(fmt::format("more processes than slices on {}", gpus_in_words(crowded)), read,
                "processes on one slice take turns");
  }
  return ok("no slice is shared; how busy each is, only a profiler with root's rights tells", read);
}

Finding inference_qos_partition(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto users = gpu_users(evidence);
  std::map<int, Role> roles;
  bool serves = false, trains = false;
  for (const GpuUser& user : users) {
    const Role role = role_of(evidence, user);
    roles[user.pid] = role;
    serves = serves || role == Role::kServing;
    trains = trains || role == Role::kTraining;
  }
  if (!serves) return not_applicable("no process serves a model here");
  if (!trains) return ok("no training beside the serving processes");
  std::vector<Reading> read;
  for (const Gpu& gpu : evidence.facts().gpus) {
    if (gpu.mig_now.value_or(false)) continue;
    int server = 0, trainer = 0;
    for (const GpuUser& user : users_of(users, gpu.index)) {
      if (roles[user.pid] == Role::kServing) server = user.pid;
      if (roles[user.pid] == Role::kTraining) trainer = user.pid;
    }
    if (server == 0 || trainer == 0) continue;
    read.push_back({fmt::format("GPU {}: serving, training", gpu.index),
                    fmt::format("process {}, process {}", server, trainer)});
  }
  if (!read.empty()) {
    return warn("serving and training share a GPU", read,
                "a training kernel of milliseconds delays every token that waits behind it");
  }
  std::set<int> serving_cpus, training_cpus;
  for (const GpuUser& user : users) {
    const Text status = status_of(evidence, user);
    const auto cpus =
        parse_cpu_list(Evidence::value_of(status.value, "Cpus_allowed_list").value_or(""));
    if (!cpus) continue;
    if (roles[user.pid] == Role::kServing) serving_cpus.insert(cpus->begin(), cpus->end());
    if (roles[user.pid] == Role::kTraining) training_cpus.insert(cpus->begin(), cpus->end());
  }
  std::set<int> both;
  std::set_intersection(serving_cpus.begin(), serving_cpus.end(), training_cpus.begin(),
                        training_cpus.end(), std::inserter(both, both.end()));
  if (both.empty()) return ok("serving and training have their own GPUs and processors");
  return warn("serving and training share processors", {{"processors", cpu_list_text(both)}},
              "loader threads of a trainer delay the server's scheduler");
}

}  // namespace

std::vector<Probe> gpu_sharing_probes() {
  return {{"mps-for-shared-gpu", mps_for_shared_gpu},
          {"mig-persistence", mig_persistence},
          {"mig-fit", mig_fit},
          {"multitenant-limits", multitenant_limits},
          {"mig-slice-layout", mig_slice_layout},
          {"inference-qos-partition", inference_qos_partition}};
}

}  // namespace aisp::doctor
