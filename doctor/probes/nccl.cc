// NCCL: a version that knows the switches of this machine, and variables that are valid here.
//
// Source: NCCL user guide (environment variables) and release notes; names in nccl_names.h.
#include <algorithm>

#include "base/nearest.h"
#include "doctor/gpus.h"
#include "doctor/nccl_names.h"
#include "doctor/processes.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// One variable and where it is set.
struct Variable {
  std::string name, value, source;
};

void take_lines(const Text& text, const std::string& source, std::vector<Variable>& all) {
  for (const auto line : machine::split(text.value, '\n')) {
    const auto trimmed = machine::trim(line);
    const std::size_t equals = trimmed.find('=');
    if (!trimmed.starts_with("NCCL_") || equals == std::string_view::npos) continue;
    all.push_back(
        {std::string(trimmed.substr(0, equals)), std::string(trimmed.substr(equals + 1)), source});
  }
}

// Of the subject, the processes on GPUs, and NCCL's files; each name and value once.
std::vector<Variable> nccl_variables(const Evidence& evidence) {
  std::vector<Variable> all;
  for (const auto& [name, value] : evidence.variables()) {
    if (name.starts_with("NCCL_")) all.push_back({name, value, "environment"});
  }
  for (const GpuUser& user : gpu_users(evidence)) {
    for (const auto& [name, value] : user.environment) {
      if (!name.starts_with("NCCL_")) continue;
      all.push_back({name, value, fmt::format("/proc/{}/environ", user.pid)});
    }
  }
  take_lines(evidence.read("/etc/nccl.conf"), "/etc/nccl.conf", all);
  const Text file = evidence.variable("NCCL_CONF_FILE");
  if (file && file.value.starts_with('/')) take_lines(evidence.read(file.value), file.value, all);
  std::vector<Variable> once;
  for (Variable& variable : all) {
    const bool known = std::any_of(once.begin(), once.end(), [&](const Variable& other) {
      return other.name == variable.name && other.value == variable.value;
    });
    if (!known) once.push_back(std::move(variable));
  }
  return once;
}

// The version in a folder of the Python package next to the mapped library:
// ".../nvidia/nccl/lib/libnccl.so.2" and ".../nvidia_nccl_cu12-2.21.5.dist-info".
std::string packaged_version(const Evidence& evidence, const std::string& file) {
  const std::size_t at = file.find("/nvidia/nccl/");
  if (at == std::string::npos) return "";
  for (const std::string& name : evidence.list(file.substr(0, at))) {
    const std::size_t dash = name.find('-');
    if (!name.starts_with("nvidia_nccl_") || dash == std::string::npos) continue;
    const std::string rest = name.substr(dash + 1);
    return rest.substr(0, rest.find(".dist-info"));
  }
  return "";
}

std::string nccl_version(const Evidence& evidence, std::string& source) {
  for (const GpuUser& user : gpu_users(evidence)) {
    for (const std::string& file : mapped_files(evidence, user)) {
      if (file.find("libnccl.so") == std::string::npos) continue;
      source = file;
      const std::string version = packaged_version(evidence, file);
      if (!version.empty()) return version;
      const auto parts = version_parts(file.substr(file.find("libnccl.so") + 11));
      if (parts.size() > 1) return file.substr(file.find("libnccl.so") + 11);
    }
  }
  const auto* const installed = library(evidence.facts(), "libnccl.so");
  if (installed == nullptr) return "";
  source = installed->path;
  return installed->version;
}

Finding collective_library_current(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence, 2)) return *none;
  std::string source;
  const std::string version = nccl_version(evidence, source);
  if (version_parts(version).empty()) {
    return cannot_see(source.empty()
                          ? "libnccl.so.2 is neither on the loader's paths nor in a GPU process"
                          : source + " tells no version");
  }
  std::vector<Reading> read = {{source, version}}, forced;
  for (const Variable& variable : nccl_variables(evidence)) {
    const bool off = variable.name == "NCCL_NVLS_ENABLE" && variable.value == "0";
    if (variable.name == "NCCL_ALGO" || variable.name == "NCCL_PROTO" || off) {
      forced.push_back({variable.source, variable.name + "=" + variable.value});
    }
  }
  if (!forced.empty()) {
    forced.push_back(read[0]);
    return warn(fmt::format("{} takes the choice of algorithm from NCCL", forced[0].value), forced,
                "the tuner chooses by message size; one algorithm is right for few sizes");
  }
  if (has_fabric(evidence.facts().gpus.front()) && !*version_at_least(version, 2, 17)) {
    return warn(fmt::format("NCCL {} cannot reduce inside the NVLink switch (2.17 can)", version),
                read, "every GPU then moves the data of a reduction twice over its links");
  }
  if (!*version_at_least(version, 2, 23)) {
    return ok(fmt::format("NCCL {}; 2.23 has an algorithm for one GPU a node (PAT)", version),
              read);
  }
  return ok(fmt::format("NCCL {} chooses its algorithms itself", version), read);
}

bool is_known(const std::string& name) {
  const std::string tail = name.substr(5);
  for (const char* family : kNcclFamilies) {
    if (tail.starts_with(family)) return true;
  }
  return std::find(std::begin(kNcclNames), std::end(kNcclNames), tail) != std::end(kNcclNames);
}

// Does an interface (or adapter) of this list fit "eth,=ib0" or "^docker"? Exclusions always do.
bool names_something(std::string_view list, const std::vector<std::string>& present) {
  if (list.starts_with('^')) return true;
  const bool all_exact = list.starts_with('=');
  if (all_exact) list.remove_prefix(1);
  for (auto item : machine::split(list, ',')) {
    const bool exact = all_exact || item.starts_with('=');
    if (item.starts_with('=')) item.remove_prefix(1);
    item = item.substr(0, item.find(':'));  // mlx5_0:1 names a port
    for (const std::string& name : present) {
      if (exact ? name == item : name.starts_with(item)) return true;
    }
  }
  return false;
}

// What is wrong with a variable here; empty: nothing is known.
std::string trouble(const machine::Facts& facts, const Variable& variable) {
  const std::string& name = variable.name;
  const std::string& value = variable.value;
  const auto number = machine::parse_number(value);
  if (!is_known(name)) {
    std::vector<std::string> known;
    for (const char* one : kNcclNames) known.push_back(std::string("NCCL_") + one);
    const std::string close = nearest(name, known);
    return edit_distance(name, close) <= 3 ? "no such variable; did you mean " + close + "?"
                                           : "no such variable";
  }
  if (name == "NCCL_NTHREADS" &&
      (!number || *number < 64 || *number > 512 || static_cast<long>(*number) % 32 != 0)) {
    return "must be a multiple of 32 from 64 to 512";
  }
  if (name == "NCCL_BUFFSIZE") {
    const auto bytes = number && *number >= 1 && *number < 1e15 ? static_cast<long>(*number) : 0L;
    if (bytes == 0 || (bytes & (bytes - 1)) != 0) return "must be a power of two";
  }
  if (name == "NCCL_DEBUG" && (value == "INFO" || value == "TRACE")) return "debug output left on";
  if (name == "NCCL_SOCKET_IFNAME") {
    std::vector<std::string> present;
    for (const auto& device : facts.network) present.push_back(device.name);
    if (!present.empty() && !names_something(value, present)) return "names no interface here";
    if (value.starts_with("docker") || value.starts_with("=docker") || value == "lo" ||
        value == "=lo") {
      return "names an interface that leads to no other machine";
    }
  }
  std::vector<std::string> adapters;
  for (const auto& port : facts.rdma) adapters.push_back(port.device);
  if (name == "NCCL_IB_HCA" && !adapters.empty() && !names_something(value, adapters)) {
    return "names no adapter here";
  }
  if (!adapters.empty() &&
      ((name == "NCCL_IB_DISABLE" && value == "1") || (name == "NCCL_NET" && value == "Socket"))) {
    return "RDMA adapters are here and not used";
  }
  if ((name == "NCCL_P2P_DISABLE" || name == "NCCL_SHM_DISABLE") && value == "1") {
    return "peers on this machine then talk through slower ways";
  }
  return "";
}

Finding nccl_env_sanity(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto variables = nccl_variables(evidence);
  if (evidence.facts().gpus.size() < 2 && nodes_of_jobs(evidence) < 2 && variables.empty()) {
    return not_applicable("one GPU");
  }
  if (variables.empty()) return ok("no NCCL variable is set: its defaults decide");
  std::vector<Reading> good, bad;
  std::vector<Fix> fixes;
  for (const Variable& variable : variables) {
    const std::string what = trouble(evidence.facts(), variable);
    const std::string text = variable.name + "=" + variable.value.substr(0, 60);
    if (what.empty()) {
      good.push_back({variable.source, text});
    } else {
      bad.push_back({variable.source, text + ": " + what});
    }
  }
  for (std::size_t i = 0; i < variables.size(); ++i) {
    for (std::size_t j = i + 1; j < variables.size(); ++j) {
      if (variables[i].name != variables[j].name) continue;
      if (variables[i].source == "/etc/nccl.conf" || variables[j].source == "/etc/nccl.conf") {
        continue;  // the environment overrides the file
      }
      bad.push_back({variables[j].source,
                     fmt::format("{}: '{}' here, '{}' in {}", variables[i].name, variables[j].value,
                                 variables[i].value, variables[i].source)});
    }
  }
  if (bad.empty()) return ok(fmt::format("{} NCCL variables are valid here", good.size()), good);
  return warn(fmt::format("{}", bad[0].value), bad,
              "copied settings without a measured reason; each takes a choice from NCCL");
}

}  // namespace

std::vector<Probe> nccl_probes() {
  return {{"collective-library-current", collective_library_current},
          {"nccl-env-sanity", nccl_env_sanity}};
}

}  // namespace aisp::doctor
