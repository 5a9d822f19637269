// Device code inside programs, as cuobjdump tells it.
//
// Source: CUDA binary utilities (cuobjdump: --list-elf, --list-ptx, --dump-resource-usage, -sass).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

struct KernelUse {
  std::string name;
  int registers = 0, stack_bytes = 0, shared_bytes = 0, local_bytes = 0;
};

struct Instructions {  // of one kernel
  long loads_wide = 0, loads_other = 0, tensor = 0, async_copies = 0, bulk_copies = 0, local = 0;
};

/// A program with device code: the subject's --build (a file, or the first programs of a folder),
/// else programs that hold a GPU.
struct DeviceProgram {
  std::string path;
  std::vector<std::string> native, ptx;  // "sm_90a", "compute_90"; as listed, each once
};
/// The first with device code. Nothing, and `why`: no cuobjdump, nothing given, none has any.
std::optional<DeviceProgram> device_program(const Evidence& evidence, std::string& why);

/// Kernels by architecture ("sm_90a"), from --dump-resource-usage. Empty when it told nothing.
std::map<std::string, std::vector<KernelUse>> resource_usage(const std::string& text);
/// Counts by kernel, from -sass.
std::map<std::string, Instructions> instructions(const std::string& text);

/// Does code for "sm_90a" run on compute capability major.minor as it is? Suffix a: exactly that
/// one; f and none: the same major, not a later minor.
bool runs_on(const std::string& architecture, int major, int minor);

}  // namespace aisp::doctor
