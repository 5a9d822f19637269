// Copies between host and device, and between devices. See gpu_costs.h.
#include <chrono>
#include <cstring>
#include <vector>

#include "machine/cuda_raii.h"
#include "machine/gpu_sampler.h"

namespace aisp::machine {
namespace {

// Peer access for as long as the rows are measured.
class PeerAccess {
 public:
  PeerAccess(int from, int to) : from_(from), to_(to) {
    int can = 0;
    AISP_CUDA(cudaDeviceCanAccessPeer(&can, from, to));
    if (can == 0) return;
    AISP_CUDA(cudaSetDevice(from));
    granted_ = cudaDeviceEnablePeerAccess(to, 0) == cudaSuccess;
    cudaGetLastError();
  }
  ~PeerAccess() {
    if (!granted_) return;
    cudaSetDevice(from_);
    cudaDeviceDisablePeerAccess(to_);
  }
  bool granted() const { return granted_; }

 private:
  int from_, to_;
  bool granted_ = false;
};

}  // namespace

void add_gpu_transfer_rows(GpuRows& rows, const GpuCostOptions& options) {
  const std::size_t bytes = options.copy_bytes;
  const std::string size = std::to_string(bytes >> 20) + " MiB";
  DeviceBuffer device(bytes), other(bytes);
  PinnedBuffer pinned(bytes), pinned_other(bytes);
  std::vector<char> pageable(bytes, 1);  // touched: first use of a page is another figure
  std::memset(pinned.data(), 1, bytes);
  std::memset(pinned_other.data(), 1, bytes);
  Stream stream, back;
  Event from, to, joined;
  const double gigabytes = 1e-9 * static_cast<double>(bytes);
  const auto pinned_rate = [&](void* target, const void* source, cudaMemcpyKind kind) {
    return gigabytes / device_seconds(stream, from, to, [&] {
             AISP_CUDA(cudaMemcpyAsync(target, source, bytes, kind, stream));
           });
  };
  // The host works too in a pageable copy: its clock counts.
  const auto pageable_rate = [&](void* target, const void* source, cudaMemcpyKind kind) {
    const auto begin = std::chrono::steady_clock::now();
    AISP_CUDA(cudaMemcpy(target, source, bytes, kind));
    const auto end = std::chrono::steady_clock::now();
    return gigabytes / std::chrono::duration<double>(end - begin).count();
  };
  rows.add("copy, host to device, pinned", "GB/s", size, true,
           [&] { return pinned_rate(device.as(), pinned.data(), cudaMemcpyHostToDevice); });
  rows.add("copy, device to host, pinned", "GB/s", size, true,
           [&] { return pinned_rate(pinned.data(), device.as(), cudaMemcpyDeviceToHost); });
  rows.add("copy, both ways at once, pinned", "GB/s", size + " each way, both counted", true, [&] {
    const double seconds = device_seconds(stream, from, to, [&] {
      AISP_CUDA(cudaStreamWaitEvent(back, from, 0));
      AISP_CUDA(cudaMemcpyAsync(device.as(), pinned.data(), bytes, cudaMemcpyHostToDevice, stream));
      AISP_CUDA(
          cudaMemcpyAsync(pinned_other.data(), other.as(), bytes, cudaMemcpyDeviceToHost, back));
      AISP_CUDA(cudaEventRecord(joined, back));
      AISP_CUDA(cudaStreamWaitEvent(stream, joined, 0));
    });
    return 2 * gigabytes / seconds;
  });
  rows.add("copy, host to device, pageable", "GB/s", size, true,
           [&] { return pageable_rate(device.as(), pageable.data(), cudaMemcpyHostToDevice); });
  rows.add("copy, device to host, pageable", "GB/s", size, true,
           [&] { return pageable_rate(pageable.data(), device.as(), cudaMemcpyDeviceToHost); });
}

void add_gpu_peer_rows(GpuRows& rows, const GpuCostOptions& options, int device, int devices) {
  if (devices == 1) {
    rows.missing("copy to another GPU", "one GPU is visible");
    return;
  }
  const std::size_t bytes = options.copy_bytes;
  for (int peer = 0; peer < devices; ++peer) {
    if (peer == device) continue;
    const PeerAccess access(device, peer), reverse(peer, device);
    AISP_CUDA(cudaSetDevice(peer));
    DeviceBuffer there(bytes), there_other(bytes);
    AISP_CUDA(cudaSetDevice(device));
    DeviceBuffer here(bytes), here_other(bytes);
    Stream stream, back;
    Event from, to, joined;
    const std::string detail = std::to_string(bytes >> 20) + " MiB, " +
                               (access.granted() ? "peer access" : "through the host");
    const double gigabytes = 1e-9 * static_cast<double>(bytes);
    rows.add("copy to GPU " + std::to_string(peer), "GB/s", detail, true, [&] {
      return gigabytes / device_seconds(stream, from, to, [&] {
               AISP_CUDA(cudaMemcpyPeerAsync(there.as(), peer, here.as(), device, bytes, stream));
             });
    });
    rows.add("copy to GPU " + std::to_string(peer) + " and back at once", "GB/s",
             detail + ", both ways counted", true, [&] {
               return 2 * gigabytes / device_seconds(stream, from, to, [&] {
                        AISP_CUDA(cudaStreamWaitEvent(back, from, 0));
                        AISP_CUDA(cudaMemcpyPeerAsync(there.as(), peer, here.as(), device, bytes,
                                                      stream));
                        AISP_CUDA(cudaMemcpyPeerAsync(here_other.as(), device, there_other.as(),
                                                      peer, bytes, back));
                        AISP_CUDA(cudaEventRecord(joined, back));
                        AISP_CUDA(cudaStreamWaitEvent(stream, joined, 0));
                      });
             });
  }
  AISP_CUDA(cudaSetDevice(device));
}

}  // namespace aisp::machine
