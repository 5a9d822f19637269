// The CUDA runtime behind device.h.
#include "machine/device.h"

#include <algorithm>
#include <utility>

#include "machine/cuda_raii.h"

namespace aisp::machine {
namespace {

std::string text(cudaError_t status) {
  return std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status);
}

// One line that says what to mend.
std::string why_no_device(cudaError_t status, int count, int driver) {
  if (status == cudaErrorInsufficientDriver && driver == 0) return "no NVIDIA driver";
  if (status == cudaErrorInsufficientDriver) {
    return "the NVIDIA driver (CUDA " + std::to_string(driver / 1000) + "." +
           std::to_string(driver % 1000 / 10) + ") is older than this program's runtime (" +
           std::to_string(CUDART_VERSION / 1000) + "." +
           std::to_string(CUDART_VERSION % 1000 / 10) + "): update the driver";
  }
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
    if (visible == nullptr) return "no NVIDIA GPU";
    return "CUDA_VISIBLE_DEVICES=\"" + std::string(visible) + "\" leaves no GPU";
  }
  return status == cudaSuccess ? "" : text(status);
}

int attribute(cudaDeviceAttr which) {
  int value = 0;
  AISP_CUDA(cudaDeviceGetAttribute(&value, which, 0));
  return value;
}

CudaDevice ask() {
  CudaDevice device;
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (cudaDriverGetVersion(&device.driver_version) != cudaSuccess) device.driver_version = 0;
  device.runtime_version = CUDART_VERSION;
  device.why_not = why_no_device(status, count, device.driver_version);
  if (!device.why_not.empty()) return device;
  cudaDeviceProp all{};
  const cudaError_t asked = cudaGetDeviceProperties(&all, 0);
  if (asked != cudaSuccess) {
    device.why_not = text(asked);
    return device;
  }
  device.name = all.name;
  device.major = all.major;
  device.minor = all.minor;
  device.multiprocessors = all.multiProcessorCount;
  device.threads_per_multiprocessor = all.maxThreadsPerMultiProcessor;
  device.registers_per_multiprocessor = all.regsPerMultiprocessor;
  device.shared_bytes_per_block = all.sharedMemPerBlockOptin;
  device.shared_bytes_per_multiprocessor = all.sharedMemPerMultiprocessor;
  device.l2_bytes = static_cast<std::size_t>(all.l2CacheSize);
  device.persisting_l2_bytes = static_cast<std::size_t>(all.persistingL2CacheMaxSize);
  device.memory_bytes = all.totalGlobalMem;
  device.cooperative_launch = all.cooperativeLaunch != 0;
  device.cluster_launch = attribute(cudaDevAttrClusterLaunch) != 0;
  device.memory_pools = attribute(cudaDevAttrMemoryPoolsSupported) != 0;
  return device;
}

}  // namespace

const CudaDevice& cuda_device() {
  static const CudaDevice device = ask();
  return device;
}

DeviceArray::DeviceArray(std::size_t bytes) : bytes_(bytes) {
  AISP_CUDA(cudaMalloc(&data_, std::max<std::size_t>(bytes, 1)));
}
DeviceArray::~DeviceArray() { cudaFree(data_); }
DeviceArray::DeviceArray(DeviceArray&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
DeviceArray& DeviceArray::operator=(DeviceArray&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void DeviceArray::upload(const void* from, std::size_t bytes, std::size_t at) {
  AISP_CUDA(cudaMemcpy(as<char>() + at, from, bytes, cudaMemcpyHostToDevice));
}
void DeviceArray::download(void* to, std::size_t bytes, std::size_t at) const {
  AISP_CUDA(cudaDeviceSynchronize());
  AISP_CUDA(cudaMemcpy(to, as<char>() + at, bytes, cudaMemcpyDeviceToHost));
}
void DeviceArray::fill(int byte) { AISP_CUDA(cudaMemset(data_, byte, bytes_)); }

void device_wait() {
  AISP_CUDA(cudaGetLastError());
  AISP_CUDA(cudaDeviceSynchronize());
}

double device_ms(void (*enqueue)(void* context, CudaStream), void* context, int warm_up, int runs,
                 int batch) {
  const Stream stream;
  const Event from, to;
  for (int i = 0; i < warm_up; ++i) enqueue(context, stream);
  std::vector<double> ms;
  for (int i = 0; i < runs; ++i) {
    const double seconds = device_seconds(stream, from, to, [&] {
      for (int call = 0; call < batch; ++call) enqueue(context, stream);
    });
    ms.push_back(1e3 * seconds / batch);
  }
  AISP_CUDA(cudaGetLastError());
  std::nth_element(ms.begin(), ms.begin() + ms.size() / 2, ms.end());
  return ms[ms.size() / 2];
}

}  // namespace aisp::machine
