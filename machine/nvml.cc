// Loading NVML. See nvml.h.
#include "machine/nvml.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/text.h"

namespace aisp::machine {

std::string nvml_library_name() {
  const char* name = std::getenv("AISP_NVML");
  return name == nullptr ? "libnvidia-ml.so.1" : name;
}

Nvml::Nvml(const std::string& library) : library_(library) {
  if (!library_.loaded()) {
    why_not_ = library.empty() ? "no library is named" : printable(library_.why_not());
    return;
  }
  const int status = library_.call(kNvmlFunctionNotFound, "nvmlInit_v2");
  if (status == kNvmlSuccess) return;
  why_not_ = fmt::format("NVML does not start: {}", status_text(status));
  if (status == kNvmlMismatch) why_not_ += " (the driver was updated without a restart)";
}

Nvml::~Nvml() {
  if (ready()) library_.call(kNvmlFunctionNotFound, "nvmlShutdown");
}

std::string Nvml::status_text(int status) const {
  if (status == kNvmlFunctionNotFound) return "this release of NVML has no such function";
  const auto text = reinterpret_cast<const char* (*)(int)>(library_.symbol("nvmlErrorString"));
  const char* words = text == nullptr ? nullptr : text(status);
  return words == nullptr ? fmt::format("status {}", status) : printable(words);
}

int Nvml::field(NvmlDevice device, unsigned number, unsigned scope, double& value) const {
  NvmlField field;
  field.field = number;
  field.scope = scope;
  const int status = call("nvmlDeviceGetFieldValues", device, 1, &field);
  if (status != kNvmlSuccess) return status;
  if (field.status != kNvmlSuccess) return field.status;
  switch (field.type) {  // nvmlValueType_t
    case 0:
      value = field.value.real;
      break;
    case 1:
      value = field.value.natural;
      break;
    case 2:
    case 3:
      value = static_cast<double>(field.value.natural_long);
      break;
    case 4:
      value = static_cast<double>(field.value.whole_long);
      break;
    case 5:
      value = field.value.whole;
      break;
    case 6:
      value = field.value.natural_short;
      break;
    default:
      return kNvmlNotSupported;
  }
  return kNvmlSuccess;
}

}  // namespace aisp::machine
