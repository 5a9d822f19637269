// The part of NVIDIA's management library (NVML) that we ask: its structures and constants declared
// here, so that neither building nor starting needs the library. No GPU is changed.
// Source: NVML API Reference Guide, r580: "Device Queries", "NvLink Methods", "Field Value Enums".
#pragma once

#include <cstdint>
#include <string>

#include "machine/run_time_library.h"

namespace aisp::machine {

enum NvmlStatus : int {
  kNvmlSuccess = 0,
  kNvmlInvalidArgument = 2,
  kNvmlNotSupported = 3,
  kNvmlNoPermission = 4,
  kNvmlInsufficientSize = 7,
  kNvmlDriverNotLoaded = 9,
  kNvmlFunctionNotFound = 13,
  kNvmlMismatch = 18,  // library and kernel module of different releases
};

using NvmlDevice = void*;

struct NvmlPciInfo {
  char bus_id_short[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};
static_assert(sizeof(NvmlPciInfo) == 68);

struct NvmlMemory {
  unsigned long long total, free, used;
};
static_assert(sizeof(NvmlMemory) == 24);

struct NvmlUtilization {
  unsigned gpu, memory;
};

struct NvmlProcess {  // of nvmlDeviceGetComputeRunningProcesses_v3
  unsigned pid;
  unsigned long long used_gpu_memory;  // all bits set: unknown
  unsigned gpu_instance, compute_instance;
};
static_assert(sizeof(NvmlProcess) == 24);

struct NvmlMargin {
  unsigned version = 8u | 1u << 24;  // the size, and the number of this version of the structure
  int margin = 0;
};
static_assert(sizeof(NvmlMargin) == 8);

struct NvmlFabric {  // the second version of nvmlGpuFabricInfo
  unsigned version = 36u | 2u << 24;
  unsigned char cluster[16] = {};
  int status = 0;
  unsigned clique = 0;
  unsigned char state = 0;
  unsigned health = 0;
};
static_assert(sizeof(NvmlFabric) == 36);

struct NvmlField {
  unsigned field = 0, scope = 0;
  long long time_us = 0, latency_us = 0;
  int type = 0, status = 0;
  union {
    double real;
    int whole;
    unsigned natural;
    unsigned long long natural_long;
    long long whole_long;
    unsigned short natural_short;
  } value = {};
};
static_assert(sizeof(NvmlField) == 40);

constexpr unsigned kNvmlFieldMemoryTemperature = 82;
constexpr unsigned kNvmlFieldLinkSpeedCommon = 90;  // MB/s, the same for all links of a GPU
constexpr unsigned kNvmlFieldLinkCount = 91;
constexpr unsigned kNvmlFieldLinkSpeed = 164;  // MB/s; scope: the link
constexpr unsigned kNvmlMostLinks = 36;

/// The library, ready to be asked.
class Nvml {
 public:
  /// Loads and initialises. A second or two where the driver must wake up.
  explicit Nvml(const std::string& library);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  bool ready() const { return why_not_.empty(); }
  /// One line: why it cannot be asked.
  const std::string& why_not() const { return why_not_; }
  /// The library's words for a status.
  std::string status_text(int status) const;
  /// An NvmlStatus, or another number of the library's.
  template <class... Arguments>
  int call(const char* function, Arguments... arguments) const {
    return library_.call(kNvmlFunctionNotFound, function, arguments...);
  }
  /// The field as a number, whatever type the library gives it.
  int field(NvmlDevice device, unsigned number, unsigned scope, double& value) const;

 private:
  RunTimeLibrary library_;
  std::string why_not_;
};

/// libnvidia-ml.so.1, or what the environment variable AISP_NVML names.
std::string nvml_library_name();

}  // namespace aisp::machine
