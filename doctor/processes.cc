// See processes.h.
#include "doctor/processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

bool is_driver_daemon(const std::string& name) {
  return name.find("nvidia-persistenced") != std::string::npos ||
         name.find("nvidia-cuda-mps") != std::string::npos || name.ends_with("Xorg");
}

std::string job_of(const GpuUser& user) {
  const auto value = [&](const char* name) {
    const auto found = user.environment.find(name);
    return found == user.environment.end() ? std::string() : found->second;
  };
  if (!value("SLURM_JOB_ID").empty()) return "slurm " + value("SLURM_JOB_ID");
  if (!value("MASTER_PORT").empty()) return value("MASTER_ADDR") + ":" + value("MASTER_PORT");
  return fmt::format("process {}", user.pid);
}

}  // namespace

std::vector<std::string> arguments_of(const Evidence& evidence, int pid) {
  std::vector<std::string> words;
  const Text text = evidence.read(fmt::format("/proc/{}/cmdline", pid));
  for (const auto word : machine::split(text.value, '\n')) words.emplace_back(word);
  return words;
}

std::map<std::string, std::string> environment_of(const Evidence& evidence, int pid) {
  std::map<std::string, std::string> all;
  const Text text = evidence.read(fmt::format("/proc/{}/environ", pid));
  for (const auto line : machine::split(text.value, '\n')) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    all.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return all;
}

Text status_of(const Evidence& evidence, const GpuUser& user) {
  if (!user.name.empty()) return evidence.read(fmt::format("/proc/{}/status", user.pid));
  Text text;
  text.why = fmt::format("process {} is of another container", user.pid);
  return text;
}

std::set<std::string> mapped_files(const Evidence& evidence, const GpuUser& user) {
  std::set<std::string> files;
  if (user.name.empty()) return files;
  const Text text = evidence.read(fmt::format("/proc/{}/maps", user.pid));
  for (const auto line : machine::split(text.value, '\n')) {
    const std::size_t slash = line.find('/');
    if (slash != std::string_view::npos) files.emplace(line.substr(slash));
  }
  return files;
}

std::vector<GpuUser> gpu_users(const Evidence& evidence) {
  std::map<int, GpuUser> by_pid;
  for (const auto& gpu : evidence.facts().gpus) {
    for (const auto& process : gpu.processes) {
      if (is_driver_daemon(process.name)) continue;
      GpuUser& user = by_pid[process.pid];
      user.pid = process.pid;
      user.name = process.name;
      user.uid = process.uid;
      if (std::find(user.gpus.begin(), user.gpus.end(), gpu.index) == user.gpus.end()) {
        user.gpus.push_back(gpu.index);
      }
    }
  }
  std::vector<GpuUser> users;
  for (auto& [pid, user] : by_pid) {
    std::sort(user.gpus.begin(), user.gpus.end());
    if (!user.name.empty()) {
      user.arguments = arguments_of(evidence, pid);
      user.environment = environment_of(evidence, pid);
    }
    users.push_back(std::move(user));
  }
  return users;
}

std::vector<std::vector<GpuUser>> gpu_jobs(const Evidence& evidence) {
  std::map<std::string, std::vector<GpuUser>> by_job;
  for (GpuUser& user : gpu_users(evidence)) by_job[job_of(user)].push_back(user);
  std::vector<std::vector<GpuUser>> jobs;
  for (auto& [name, users] : by_job) jobs.push_back(std::move(users));
  return jobs;
}

std::vector<int> processes_named(const Evidence& evidence, const std::string& name) {
  constexpr std::size_t kKernelKeeps = 15;
  std::vector<int> pids;
  for (const std::string& entry : evidence.list("/proc")) {
    if (entry.empty() || !std::isdigit(static_cast<unsigned char>(entry[0]))) continue;
    const auto pid = machine::parse_number(entry);
    if (!pid || *pid > 4194304) continue;  // the kernel's greatest process id
    const std::string found = evidence.read("/proc/" + entry + "/comm").value;
    if (found.starts_with(name.substr(0, kKernelKeeps))) pids.push_back(static_cast<int>(*pid));
  }
  return pids;
}

std::string argument(const std::vector<std::string>& arguments, const std::string& flag) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == flag && i + 1 < arguments.size()) return arguments[i + 1];
    if (arguments[i].starts_with(flag + "=")) return arguments[i].substr(flag.size() + 1);
  }
  return "";
}

int tensor_parallel_size(const std::vector<std::string>& arguments) {
  for (const char* flag : {"--tensor-parallel-size", "-tp", "--tp", "--tp-size", "--tp_size",
                           "--tensor-model-parallel-size", "--tensor_parallel_size"}) {
    const auto value = machine::parse_number(argument(arguments, flag));
    if (value && *value >= 1 && *value <= 65536) return static_cast<int>(*value);
  }
  return 0;
}

int positive(const std::map<std::string, std::string>& environment, const std::string& name) {
  const auto found = environment.find(name);
  if (found == environment.end()) return 0;
  const auto value = machine::parse_number(found->second);
  return value && *value >= 1 && *value <= 1e7 ? static_cast<int>(*value) : 0;
}

int nodes_of_jobs(const Evidence& evidence) {
  std::vector<std::map<std::string, std::string>> all = {evidence.variables()};
  for (const GpuUser& user : gpu_users(evidence)) all.push_back(user.environment);
  int nodes = 0;
  for (const auto& environment : all) {
    for (const char* name : {"SLURM_JOB_NUM_NODES", "SLURM_NNODES", "GROUP_WORLD_SIZE"}) {
      nodes = std::max(nodes, positive(environment, name));
    }
    const int world = positive(environment, "WORLD_SIZE");
    const int local = positive(environment, "LOCAL_WORLD_SIZE");
    if (world > 0 && local > 0) nodes = std::max(nodes, (world + local - 1) / local);
  }
  return nodes;
}

bool is_python(const GpuUser& user) {
  const std::string& program = user.arguments.empty() ? user.name : user.arguments[0];
  const std::size_t slash = program.rfind('/');
  return program.substr(slash == std::string::npos ? 0 : slash + 1).starts_with("python");
}

}  // namespace aisp::doctor
