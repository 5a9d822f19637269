// A stand-in for NVIDIA's management library: two planted GPUs, calls that are refused, functions
// that are not there. It is loaded as the real one would be, so that our side of the interface runs
// where no GPU is. Structures are declared here a second time, from NVIDIA's reference and not from
// our header. The library numbers the revisions of its functions in their names, as the assembler
// sees them. FAKE_NVML selects: no_driver, mismatch, no_gpu, lost (GPU 1 does not answer).
// Source: NVML API Reference Guide, r580.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

enum : int {
  kOk = 0,
  kInvalid = 2,
  kUnsupported = 3,
  kForbidden = 4,
  kTooSmall = 7,
  kVersion = 25
};

struct Device {
  int index;
};
Device devices[2] = {{0}, {1}};
Device slice = {10};  // a MIG device of GPU 1

[[maybe_unused]] int index_of(void* device) { return static_cast<Device*>(device)->index; }

bool mode_is(const char* mode) {
  const char* chosen = std::getenv("FAKE_NVML");
  return chosen != nullptr && std::strcmp(chosen, mode) == 0;
}

int give(unsigned* out, unsigned value) {
  *out = value;
  return kOk;
}

int give(char* out, unsigned length, const std::string& text) {
  if (text.size() + 1 > length) return kTooSmall;
  std::memcpy(out, text.c_str(), text.size() + 1);
  return kOk;
}

}  // namespace

extern "C" {

int nvmlInit() __asm__("nvmlInit_v2");
int nvmlInit() { return mode_is("no_driver") ? 9 : mode_is("mismatch") ? 18 : kOk; }
int nvmlShutdown() { return kOk; }
const char* nvmlErrorString(int status) {
  switch (status) {
    case kUnsupported:
      return "Not Supported";
    case kForbidden:
      return "Insufficient Permissions";
    case 9:
      return "Driver Not Loaded";
    case 15:
      return "GPU is lost";
    case 18:
      return "Driver/library version mismatch";
    default:
      return "Unknown \xff Error";
  }
}
int nvmlDeviceGetCount(unsigned* count) __asm__("nvmlDeviceGetCount_v2");
int nvmlDeviceGetCount(unsigned* count) { return give(count, mode_is("no_gpu") ? 0 : 2); }
int nvmlDeviceGetHandleByIndex(unsigned index,
                               void** device) __asm__("nvmlDeviceGetHandleByIndex_v2");
int nvmlDeviceGetHandleByIndex(unsigned index, void** device) {
  if (index > 1) return kInvalid;
  if (index == 1 && mode_is("lost")) return 15;
  *device = &devices[index];
  return kOk;
}
int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  if (device == &slice) return give(name, length, "NVIDIA H200 MIG 1g.18gb");
  return give(name, length, "NVIDIA H200");
}

#ifndef FAKE_NVML_BARE  // the rest is missing from the second stand-in

int nvmlSystemGetDriverVersion(char* text, unsigned length) {
  return give(text, length, "580.95.05");
}
int nvmlSystemGetCudaDriverVersion(int* version) __asm__("nvmlSystemGetCudaDriverVersion_v2");
int nvmlSystemGetCudaDriverVersion(int* version) {
  *version = 13000;
  return kOk;
}
int nvmlDeviceGetUUID(void* device, char* uuid, unsigned length) {
  return give(uuid, length, "GPU-0000-" + std::to_string(index_of(device)));
}
int nvmlDeviceGetPciInfo_v3(void* device, void* pci) {
  char* bytes = static_cast<char*>(pci);
  std::memset(bytes, 0, 68);
  std::snprintf(bytes + 36, 32, "00000000:%s:00.0", index_of(device) == 0 ? "1B" : "9C");
  return kOk;
}
int nvmlDeviceGetCudaComputeCapability(void*, int* major, int* minor) {
  *major = 9;
  *minor = 0;
  return kOk;
}
int nvmlDeviceGetMemoryInfo(void*, unsigned long long* memory) {
  memory[0] = 150754820096;  // total, free, used
  memory[1] = 150000000000;
  memory[2] = 754820096;
  return kOk;
}
int nvmlDeviceGetMemoryBusWidth(void*, unsigned* bits) { return give(bits, 6144); }
int nvmlDeviceGetClockInfo(void*, int kind, unsigned* clock) {
  return kind == 1 ? give(clock, 345) : kind == 2 ? give(clock, 2619) : kInvalid;
}
int nvmlDeviceGetMaxClockInfo(void*, int kind, unsigned* clock) {
  return kind == 1 ? give(clock, 1980) : kind == 2 ? give(clock, 3201) : kInvalid;
}
int nvmlDeviceGetPowerUsage(void*, unsigned* milliwatts) { return give(milliwatts, 76543); }
int nvmlDeviceGetEnforcedPowerLimit(void* device, unsigned* milliwatts) {
  return give(milliwatts, index_of(device) == 0 ? 700000 : 500000);
}
int nvmlDeviceGetPowerManagementDefaultLimit(void*, unsigned* milliwatts) {
  return give(milliwatts, 700000);
}
int nvmlDeviceGetPowerManagementLimitConstraints(void*, unsigned* least, unsigned* most) {
  return give(least, 200000) + give(most, 700000);
}
int nvmlDeviceGetTemperature(void*, int sensor, unsigned* degrees) {
  return sensor == 0 ? give(degrees, 34) : kInvalid;
}
int nvmlDeviceGetTemperatureThreshold(void*, int, unsigned*) { return kUnsupported; }
int nvmlDeviceGetMarginTemperature(void*, unsigned* margin) {
  if (margin[0] != 0x01000008) return kVersion;
  margin[1] = 53;
  return kOk;
}
int nvmlDeviceGetFanSpeed(void*, unsigned*) { return kUnsupported; }  // GetNumFans: missing
// The new name of this function is missing, as in releases before 535.
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
  *reasons = 0x1;
  return kOk;
}
int nvmlDeviceGetEccMode(void* device, unsigned* now, unsigned* pending) {
  return give(now, index_of(device) == 0 ? 1 : 0) + give(pending, 1);
}
int nvmlDeviceGetTotalEccErrors(void* device, int error, int counter, unsigned long long* count) {
  if (error != 1) return kInvalid;
  if (counter == 1 && index_of(device) == 1) return kForbidden;
  *count = counter == 1 ? 7 : 0;
  return kOk;
}
int nvmlDeviceGetRemappedRows(void*, unsigned* corrected, unsigned* not_corrected,
                              unsigned* pending, unsigned* failed) {
  return give(corrected, 0) + give(not_corrected, 2) + give(pending, 1) + give(failed, 0);
}
int nvmlDeviceGetMigMode(void* device, unsigned* now, unsigned* pending) {
  return give(now, index_of(device) == 1) + give(pending, index_of(device) == 1);
}
int nvmlDeviceGetMaxMigDeviceCount(void*, unsigned* count) { return give(count, 7); }
int nvmlDeviceGetMigDeviceHandleByIndex(void*, unsigned index, void** device) {
  if (index != 3) return 6;
  *device = &slice;
  return kOk;
}
int nvmlDeviceGetPersistenceMode(void*, unsigned* mode) { return give(mode, 1); }
int nvmlDeviceGetComputeMode(void* device, unsigned* mode) {
  return give(mode, index_of(device) == 0 ? 0 : 3);
}
int nvmlDeviceGetCurrPcieLinkGeneration(void*, unsigned* value) { return give(value, 1); }
int nvmlDeviceGetMaxPcieLinkGeneration(void*, unsigned* value) { return give(value, 5); }
int nvmlDeviceGetCurrPcieLinkWidth(void*, unsigned* value) { return give(value, 8); }
int nvmlDeviceGetMaxPcieLinkWidth(void*, unsigned* value) { return give(value, 16); }
int nvmlDeviceGetPcieReplayCounter(void*, unsigned* value) { return give(value, 3); }
int nvmlDeviceGetUtilizationRates(void*, unsigned* use) {
  return give(use, 42) + give(use + 1, 17);
}
int nvmlDeviceGetVbiosVersion(void*, char* text, unsigned length) {
  return give(text, length, "96.00.99.00.01\xfe");
}
int nvmlDeviceGetGspFirmwareVersion(void*, char* text) { return give(text, 64, "580.95.05"); }

struct Fabric {
  unsigned version;
  unsigned char cluster[16];
  int status;
  unsigned clique;
  unsigned char state;
  unsigned health;
};
int nvmlDeviceGetGpuFabricInfoV(void* device, Fabric* fabric) {
  if (fabric->version != (sizeof(Fabric) | 2u << 24)) return kVersion;
  fabric->cluster[0] = 0xab;
  fabric->status = 0;
  fabric->clique = 5;
  fabric->state = index_of(device) == 0 ? 3 : 2;
  return kOk;
}

struct Field {
  unsigned id, scope;
  long long time, latency;
  int type, status;
  unsigned long long value;
};
int nvmlDeviceGetFieldValues(void*, int count, Field* fields) {
  for (int i = 0; i < count; ++i) {
    Field& field = fields[i];
    field.status = kOk;
    field.type = 1;                    // unsigned int
    field.value = 0xdeadbeef00000000;  // the other half is not part of the value
    switch (field.id) {
      case 82:
        field.value += 41;
        break;
      case 91:
        field.value += 3;
        break;
      case 164:
        field.value += field.scope == 0 ? 26562 : 0;
        break;
      case 90:
        field.type = 3, field.value = 25000;
        break;
      default:
        field.status = kUnsupported;
    }
  }
  return kOk;
}
int nvmlDeviceGetNvLinkState(void*, unsigned link, unsigned* active) {
  return link < 3 ? give(active, link != 2) : kInvalid;
}
int nvmlDeviceGetNvLinkRemotePciInfo(void*, unsigned link,
                                     char* pci) __asm__("nvmlDeviceGetNvLinkRemotePciInfo_v2");
int nvmlDeviceGetNvLinkRemotePciInfo(void*, unsigned link, char* pci) {
  std::memset(pci, 0, 68);
  std::strcpy(pci + 36, link == 0 ? "00000000:05:00.0" : "FFFFFFFF:FF:FF.F");
  return kOk;
}
int nvmlDeviceGetNvLinkRemoteDeviceType(void*, unsigned link, unsigned* type) {
  return give(type, link == 0 ? 2 : 0xff);
}

struct Process {
  unsigned pid;
  unsigned long long memory;
  unsigned gpu_instance, compute_instance;
};
int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, Process* list) {
  const unsigned running = index_of(device) == 0 ? 100 : 0;  // more than a first guess
  const unsigned place = *count;
  *count = running;
  if (place < running) return kTooSmall;
  for (unsigned i = 0; i < running; ++i)
    list[i] = {4000000 + i, i == 0 ? ~0ULL : i << 20, ~0u, ~0u};
  return kOk;
}
int nvmlDeviceGetTopologyCommonAncestor(void*, void*, int* level) {
  *level = 50;
  return kOk;
}
int nvmlDeviceGetP2PStatus(void*, void*, int capability, int* status) {
  *status = capability == 2 ? 0 : capability == 0 ? 5 : 6;
  return kOk;
}

#endif

}  // extern "C"
