// See device_code.h.
#include "doctor/device_code.h"

#include <fmt/format.h>

#include <algorithm>

#include "doctor/processes.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr std::size_t kMostPrograms = 6;  // a command each, and the probe has a second

// Names that end as programs, libraries and cubins do.
bool may_hold_device_code(const std::string& name) {
  return name.find('.') == std::string::npos || name.ends_with(".so") || name.ends_with(".cubin") ||
         name.ends_with(".fatbin");
}

std::vector<std::string> candidates(const Evidence& evidence) {
  std::vector<std::string> paths;
  const std::string& build = evidence.subject().build;
  if (!build.empty()) {
    for (const std::string& name : evidence.list(build)) {
      const std::string path = fmt::format("{}/{}", build, name);
      if (may_hold_device_code(name) && evidence.list(path).empty()) paths.push_back(path);
    }
    if (paths.empty()) paths.push_back(build);
    return paths;
  }
  for (const GpuUser& user : gpu_users(evidence)) {
    if (user.name.empty()) continue;
    const Text program = evidence.link(fmt::format("/proc/{}/exe", user.pid));
    if (program && !is_python(user)) paths.push_back(program.value);
  }
  return paths;
}

// "ELF file    1: k.1.sm_90a.cubin" or "PTX file    1: k.1.sm_90a.ptx" -> "sm_90a", each once.
std::vector<std::string> architectures(const std::string& listing) {
  std::vector<std::string> all;
  for (const auto line : machine::split(listing, '\n')) {
    const std::size_t at = line.rfind("sm_");
    if (at == std::string_view::npos) continue;
    const std::string name(line.substr(at, line.find('.', at) - at));
    if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
  }
  return all;
}

// The number after "STACK:" in "REG:32 STACK:0 SHARED:0 LOCAL:0 CONSTANT[0]:380".
int number_after(std::string_view line, std::string_view name) {
  const std::size_t at = line.find(name);
  if (at == std::string_view::npos) return 0;
  const auto rest = line.substr(at + name.size());
  const auto value = machine::parse_number(rest.substr(0, rest.find(' ')));
  return value && *value >= 0 && *value < 1e9 ? static_cast<int>(*value) : 0;
}

std::string_view word_after(std::string_view line, std::string_view sign) {
  const std::size_t at = line.find(sign);
  if (at == std::string_view::npos) return {};
  auto rest = machine::trim(line.substr(at + sign.size()));
  return rest.substr(0, rest.find_first_of(" :"));
}

void count(std::string_view line, Instructions& seen) {
  const auto has = [&](std::string_view what) { return line.find(what) != std::string_view::npos; };
  if (has(" LDG.")) ++(has(".128") ? seen.loads_wide : seen.loads_other);
  if (has("MMA.") || has("MMA_")) ++seen.tensor;  // HMMA, HGMMA, IMMA, QGMMA, UTCHMMA ...
  if (has(" LDGSTS")) ++seen.async_copies;
  if (has(" UTMALDG") || has(" UBLKCP")) ++seen.bulk_copies;
  if (has(" LDL") || has(" STL")) ++seen.local;
}

}  // namespace

std::optional<DeviceProgram> device_program(const Evidence& evidence, std::string& why) {
  const auto paths = candidates(evidence);
  if (paths.empty()) {
    why = "no --build given";
    return std::nullopt;
  }
  for (std::size_t i = 0; i < std::min(paths.size(), kMostPrograms); ++i) {
    const Text native = evidence.command({"cuobjdump", "--list-elf", paths[i]});
    if (native.seen == Text::Seen::kAbsent) {
      why = native.why;
      return std::nullopt;
    }
    DeviceProgram program{paths[i], architectures(native.value), {}};
    program.ptx = architectures(evidence.command({"cuobjdump", "--list-ptx", paths[i]}).value);
    if (!program.native.empty() || !program.ptx.empty()) return program;
  }
  why = "no device code in " + paths[0] + (paths.size() > 1 ? " and others" : "");
  return std::nullopt;
}

std::map<std::string, std::vector<KernelUse>> resource_usage(const std::string& text) {
  std::map<std::string, std::vector<KernelUse>> all;
  std::string architecture, kernel;
  for (const auto line : machine::split(text, '\n')) {
    const auto arch = word_after(line, "arch =");
    if (!arch.empty()) architecture = std::string(arch);
    const auto name = word_after(line, "Function ");
    if (!name.empty()) kernel = std::string(name);
    if (line.find("REG:") == std::string_view::npos || kernel.empty()) continue;
    all[architecture].push_back({kernel, number_after(line, "REG:"), number_after(line, "STACK:"),
                                 number_after(line, "SHARED:"), number_after(line, "LOCAL:")});
    kernel.clear();
  }
  return all;
}

std::map<std::string, Instructions> instructions(const std::string& text) {
  std::map<std::string, Instructions> all;
  Instructions* current = nullptr;
  for (const auto line : machine::split(text, '\n')) {
    const auto name = word_after(line, "Function :");
    if (!name.empty()) {
      current = &all[std::string(name)];
    } else if (current != nullptr) {
      count(line, *current);
    }
  }
  return all;
}

bool runs_on(const std::string& architecture, int major, int minor) {
  const auto digits = architecture.substr(std::min<std::size_t>(3, architecture.size()));
  const auto end = digits.find_first_not_of("0123456789");
  const auto number = machine::parse_number(digits.substr(0, end));
  if (!architecture.starts_with("sm_") || !number || *number > 9999) return false;
  const int code = static_cast<int>(*number);
  const bool exact = end != std::string::npos && digits[end] == 'a';
  return code / 10 == major && (exact ? code % 10 == minor : code % 10 <= minor);
}

}  // namespace aisp::doctor
