// A stand-in for the CUDA driver, beside fake_nvml.cc. FAKE_CUDA selects: hidden (GPU 0 alone is
// shown), no_device, fails.
// Source: CUDA Driver API reference 13.0, "Device Management".
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool mode_is(const char* mode) {
  const char* chosen = std::getenv("FAKE_CUDA");
  return chosen != nullptr && std::strcmp(chosen, mode) == 0;
}

}  // namespace

extern "C" {

int cuInit(unsigned flags) { return mode_is("no_device") ? 100 : mode_is("fails") ? 999 : 0; }
int cuGetErrorString(int status, const char** text) {
  *text = status == 999 ? "unknown error" : nullptr;
  return status == 999 ? 0 : 1;
}
int cuDriverGetVersion(int* version) {
  *version = 13010;
  return 0;
}
int cuDeviceGetCount(int* count) {
  *count = mode_is("hidden") ? 1 : 2;
  return 0;
}
int cuDeviceGet(int* device, int ordinal) {
  *device = 70 + ordinal;  // a handle is no ordinal
  return 0;
}
int cuDeviceGetPCIBusId(char* text, int length, int device) {
  std::snprintf(text, static_cast<std::size_t>(length), "0000:%s:00.0", device == 70 ? "1B" : "9C");
  return 0;
}
int cuDeviceGetName(char* name, int length, int) {
  std::snprintf(name, static_cast<std::size_t>(length), "NVIDIA H200 (driver)");
  return 0;
}
int cuDeviceTotalMem(std::size_t* bytes, int) __asm__("cuDeviceTotalMem_v2");
int cuDeviceTotalMem(std::size_t* bytes, int) {
  *bytes = 150109880320;
  return 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  switch (attribute) {
    case 16:
      *value = 132;
      return 0;
    case 37:
      *value = 6144;
      return 0;
    case 38:
      *value = 62914560;
      return 0;
    case 75:
      *value = 9;
      return 0;
    case 76:
      *value = 0;
      return 0;
    case 88:
      *value = 1;
      return 0;
    case 100:
      *value = 0;
      return 0;
    case 116:
      *value = 1;
      return 0;
    case 134:
      *value = device == 70 ? 0 : -1;
      return 0;
    default:
      return 1;  // 124, DMA buffers: an older driver
  }
}
int cuDeviceCanAccessPeer(int* can, int from, int to) {
  *can = from != to && from >= 70 && to >= 70;
  return 0;
}

}  // extern "C"
