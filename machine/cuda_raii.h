// CUDA calls that are checked, and handles that free themselves. Device rooms only (.cu files).
//
// Source: CUDA Runtime API reference 13.0.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <utility>

#include "base/error.h"

namespace aisp::machine {

/// Throws Error with the error's name, its text and the call. The runtime forgets the error, unless
/// the context is lost: else the next launch that is checked, of somebody else, would be told it.
inline void cuda_check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  throw Error(std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status), call,
              "see aisp machine for the state of the GPU");
}
#define AISP_CUDA(call) ::aisp::machine::cuda_check((call), #call)

/// Memory of the current device.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t bytes) : bytes_(bytes) { AISP_CUDA(cudaMalloc(&data_, bytes)); }
  ~DeviceBuffer() { cudaFree(data_); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  template <class T = void>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_;
};

/// Page-locked host memory.
class PinnedBuffer {
 public:
  explicit PinnedBuffer(std::size_t bytes) { AISP_CUDA(cudaMallocHost(&data_, bytes)); }
  ~PinnedBuffer() { cudaFreeHost(data_); }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

class Stream {
 public:
  Stream() { AISP_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }
  void wait() const { AISP_CUDA(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { AISP_CUDA(cudaEventCreate(&event_)); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Seconds that the device spends on what `enqueue` puts on the stream.
template <class Enqueue>
double device_seconds(const Stream& stream, const Event& from, const Event& to, Enqueue enqueue) {
  AISP_CUDA(cudaEventRecord(from, stream));
  enqueue();
  AISP_CUDA(cudaEventRecord(to, stream));
  AISP_CUDA(cudaEventSynchronize(to));
  float milliseconds = 0.0F;
  AISP_CUDA(cudaEventElapsedTime(&milliseconds, from, to));
  return 1e-3 * static_cast<double>(milliseconds);
}

}  // namespace aisp::machine
