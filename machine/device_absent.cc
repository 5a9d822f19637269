// A build without CUDA: no device, and the reason. See device.h.
#include "base/error.h"
#include "machine/device.h"

namespace aisp::machine {
namespace {
constexpr const char* kReason = "this program was built without CUDA";
[[noreturn]] void absent() {
  throw Error(kReason, "the GPU", "build with nvcc on the PATH (docs/GPU.md)");
}
}  // namespace

const CudaDevice& cuda_device() {
  static const CudaDevice none{.why_not = kReason};
  return none;
}

DeviceArray::DeviceArray(std::size_t) { absent(); }
DeviceArray::~DeviceArray() = default;
DeviceArray::DeviceArray(DeviceArray&&) noexcept = default;
DeviceArray& DeviceArray::operator=(DeviceArray&&) noexcept = default;
void DeviceArray::upload(const void*, std::size_t, std::size_t) { absent(); }
void DeviceArray::download(void*, std::size_t, std::size_t) const { absent(); }
void DeviceArray::fill(int) { absent(); }
void device_wait() { absent(); }
double device_ms(void (*)(void*, CudaStream), void*, int, int, int) { absent(); }

}  // namespace aisp::machine
