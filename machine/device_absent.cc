// A build without CUDA: no device, and the reason. See device.h.
#include "base/error.h"
#include "machine/device.h"
#include "machine/device_timer.h"

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
DeviceStream::DeviceStream() { absent(); }
DeviceStream::~DeviceStream() = default;
void DeviceStream::wait() const { absent(); }
void wait_for(CudaStream) { absent(); }
void copy_to_device(void*, const void*, std::size_t, CudaStream) { absent(); }
void copy_to_host(void*, const void*, std::size_t, CudaStream) { absent(); }
void copy_on_device(void*, const void*, std::size_t, CudaStream) { absent(); }
PinnedRange::PinnedRange(void*, std::size_t) {}
PinnedRange::~PinnedRange() = default;
PinnedRange::PinnedRange(PinnedRange&&) noexcept = default;
std::size_t device_memory_free() { absent(); }
std::string device_broken() { return kReason; }
void device_wait() { absent(); }

struct DeviceTimer::State {};
DeviceTimer::DeviceTimer(CudaStream, bool) { absent(); }
DeviceTimer::~DeviceTimer() = default;
DeviceEpoch DeviceTimer::time(const std::function<void()>&, bool) { absent(); }
DeviceEpoch DeviceTimer::time_dirty(const std::function<void()>&, int) { absent(); }
double DeviceTimer::busy_after_ns(const std::function<void()>&) { absent(); }

struct DeviceGraph::State {};
DeviceGraph::DeviceGraph(CudaStream, const std::function<void()>&) { absent(); }
DeviceGraph::~DeviceGraph() = default;
void DeviceGraph::launch(CudaStream) const { absent(); }

DeviceSettings device_settings(CudaStream) { absent(); }
void restore(const DeviceSettings&, CudaStream) { absent(); }

}  // namespace aisp::machine
