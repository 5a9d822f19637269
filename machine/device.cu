// The CUDA runtime behind device.h.
#include "machine/device.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "machine/cuda_raii.h"
#include "machine/device_reasons.h"

namespace aisp::machine {
namespace {

std::string text(cudaError_t status) {
  return std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status);
}

DeviceAnswer ask_for_devices(int driver_version) {
  DeviceAnswer answer;
  const cudaError_t status = cudaGetDeviceCount(&answer.count);
  answer.driver_too_old = status == cudaErrorInsufficientDriver;
  answer.no_device = status == cudaErrorNoDevice;
  if (status != cudaSuccess && !answer.driver_too_old && !answer.no_device) {
    answer.other_error = text(status);
  }
  answer.driver_version = driver_version;
  answer.runtime_version = CUDART_VERSION;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) answer.visible = visible;
  return answer;
}

int attribute(cudaDeviceAttr which) {
  int value = 0;
  AISP_CUDA(cudaDeviceGetAttribute(&value, which, 0));
  return value;
}

CudaDevice ask() {
  CudaDevice device;
  if (cudaDriverGetVersion(&device.driver_version) != cudaSuccess) device.driver_version = 0;
  device.runtime_version = CUDART_VERSION;
  device.why_not = why_no_device(ask_for_devices(device.driver_version));
  if (!device.why_not.empty()) return device;
  cudaDeviceProp all{};
  const cudaError_t asked = cudaGetDeviceProperties(&all, 0);
  if (asked != cudaSuccess) {
    device.why_not = text(asked);
    return device;
  }
  device.name = all.name;
  char address[32] = "";
  AISP_CUDA(cudaDeviceGetPCIBusId(address, sizeof address, 0));
  device.pci_address = address;
  for (char& letter : device.pci_address) {
    if (letter >= 'A' && letter <= 'F') letter = static_cast<char>(letter - 'A' + 'a');
  }
  device.major = all.major;
  device.minor = all.minor;
  device.why_not = why_no_code(AISP_CUDA_ARCHS, device);
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

DeviceStream::DeviceStream() {
  AISP_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
}
DeviceStream::~DeviceStream() { cudaStreamDestroy(stream_); }
void DeviceStream::wait() const { AISP_CUDA(cudaStreamSynchronize(stream_)); }

void wait_for(CudaStream stream) { AISP_CUDA(cudaStreamSynchronize(stream)); }

namespace {
void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, CudaStream stream) {
  if (bytes == 0) return;
  AISP_CUDA(cudaMemcpyAsync(to, from, bytes, kind, stream));
  AISP_CUDA(cudaStreamSynchronize(stream));
}
}  // namespace

void copy_to_device(void* device, const void* host, std::size_t bytes, CudaStream stream) {
  copy(device, host, bytes, cudaMemcpyHostToDevice, stream);
}
void copy_to_host(void* host, const void* device, std::size_t bytes, CudaStream stream) {
  copy(host, device, bytes, cudaMemcpyDeviceToHost, stream);
}
void copy_on_device(void* to, const void* from, std::size_t bytes, CudaStream stream) {
  copy(to, from, bytes, cudaMemcpyDeviceToDevice, stream);
}

PinnedRange::PinnedRange(void* data, std::size_t bytes) {
  if (bytes != 0 && cudaHostRegister(data, bytes, cudaHostRegisterDefault) == cudaSuccess) {
    data_ = data;
  } else {
    cudaGetLastError();  // the refusal is not an error of what comes next
  }
}
PinnedRange::~PinnedRange() {
  if (data_ != nullptr) cudaHostUnregister(data_);
}
PinnedRange::PinnedRange(PinnedRange&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)) {}

std::size_t device_memory_free() {
  std::size_t free = 0, total = 0;
  AISP_CUDA(cudaMemGetInfo(&free, &total));
  return free;
}

std::string device_broken() {
  cudaGetLastError();
  const cudaError_t status = cudaDeviceSynchronize();
  return status == cudaSuccess ? "" : text(status);
}

void device_wait() {
  AISP_CUDA(cudaGetLastError());
  AISP_CUDA(cudaDeviceSynchronize());
}

}  // namespace aisp::machine
