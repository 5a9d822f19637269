// The GPU as host code sees it: what the current CUDA device can do, or why there is none, and
// memory on it. Plain C++ without CUDA's headers, so that contracts, configuration choice and tests
// compile everywhere; device.cu implements it, device_absent.cc where there is no CUDA compiler.
//
// Source: CUDA Runtime API reference 13.0, device management and memory management.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

struct CUstream_st;

/// A function defined in a .cu file, which a build without CUDA does not have: null there, and who
/// lists it says so. The one place where the two builds differ.
#if AISP_HAVE_CUDA
#define AISP_DEVICE(function) function
#else
#define AISP_DEVICE(function) nullptr
#endif

namespace aisp::machine {

/// cudaStream_t. nullptr is the legacy default stream.
using CudaStream = CUstream_st*;

/// What kernels and configuration choices ask of a device. Plain data: tests make their own.
struct CudaDevice {
  std::string why_not = "no device was asked";  // "" when it can be used
  std::string name;                             // "NVIDIA H200"
  std::string pci_address;                      // "0000:1b:00.0", lower case, as NVML writes it
  int major = 0, minor = 0;                     // compute capability
  int multiprocessors = 0;
  int threads_per_multiprocessor = 0;
  int registers_per_multiprocessor = 0;
  std::size_t shared_bytes_per_block = 0;  // with the opt-in: 227 KiB on Hopper
  std::size_t shared_bytes_per_multiprocessor = 0;
  std::size_t l2_bytes = 0, persisting_l2_bytes = 0;
  std::size_t memory_bytes = 0;
  bool cooperative_launch = false, cluster_launch = false, memory_pools = false;
  int driver_version = 0, runtime_version = 0;  // 13000 is 13.0

  /// "" or "needs sm_90, this is sm_80" (or why_not).
  std::string needs(int at_least_major, int at_least_minor = 0) const;
  /// "" when code built for sm_90a runs here: exactly 9.0.
  std::string needs_hopper() const;
};

/// The first device that CUDA_VISIBLE_DEVICES leaves. Asked once; makes no context until used.
const CudaDevice& cuda_device();

/// An H200 as cuda_device() describes it, for tests of choices on machines without one.
CudaDevice described_h200();

/// Memory of the current device. Every member throws Error when CUDA does. Copies wait for the
/// device.
class DeviceArray {
 public:
  DeviceArray() = default;
  explicit DeviceArray(std::size_t bytes);
  /// A copy of host memory.
  template <class T>
  explicit DeviceArray(std::span<const T> host) : DeviceArray(host.size_bytes()) {
    upload(host.data(), host.size_bytes());
  }
  ~DeviceArray();
  DeviceArray(DeviceArray&& other) noexcept;
  DeviceArray& operator=(DeviceArray&& other) noexcept;

  template <class T = void>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t bytes() const { return bytes_; }
  void upload(const void* from, std::size_t bytes, std::size_t at = 0);
  void download(void* to, std::size_t bytes, std::size_t at = 0) const;
  template <class T>
  std::vector<T> host() const {
    std::vector<T> out(bytes_ / sizeof(T));
    download(out.data(), out.size() * sizeof(T));
    return out;
  }
  void fill(int byte);

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// A stream of its own that no other stream waits for.
class DeviceStream {
 public:
  DeviceStream();
  ~DeviceStream();
  DeviceStream(const DeviceStream&) = delete;
  DeviceStream& operator=(const DeviceStream&) = delete;
  CudaStream get() const { return stream_; }
  void wait() const;

 private:
  CudaStream stream_ = nullptr;
};

/// Waits for one stream. Throws Error with what went wrong there.
void wait_for(CudaStream stream);

/// Copies in the order of the stream and waits for it, not for others.
void copy_to_device(void* device, const void* host, std::size_t bytes, CudaStream stream);
void copy_to_host(void* host, const void* device, std::size_t bytes, CudaStream stream);
void copy_on_device(void* to, const void* from, std::size_t bytes, CudaStream stream);

/// Page-locks memory while it lives. Memory that the system will not lock stays as it is.
class PinnedRange {
 public:
  PinnedRange(void* data, std::size_t bytes);
  ~PinnedRange();
  PinnedRange(PinnedRange&& other) noexcept;
  PinnedRange& operator=(PinnedRange&&) = delete;
  bool pinned() const { return data_ != nullptr; }

 private:
  void* data_ = nullptr;
};

/// Free device memory in bytes. What other processes hold is not free.
std::size_t device_memory_free();

/// "" or the error after which nothing works on this context any more (an illegal address, ...).
std::string device_broken();

/// Waits for everything on the device. Throws Error with what went wrong there, launches included.
void device_wait();

}  // namespace aisp::machine
