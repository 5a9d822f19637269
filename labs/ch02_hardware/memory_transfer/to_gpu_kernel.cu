// A kernel that reads page-locked host memory by itself, 16 bytes a load: no copy engine. The link
// is the limit either way; what it shows is how many threads must wait to fill it.
// Source: CUDA C++ Best Practices Guide, 10.1.3 (zero copy).
#include "labs/ch02_hardware/memory_transfer/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch02::memory_transfer {
namespace {

constexpr int kThreads = 256;

// In flight on a link of 55 GB/s and about 1 us: 55 KB. 132 blocks of 256 threads and 16 bytes are
// ten times that.
__global__ void pull(const float* from, float* to, std::int64_t count) {
  const std::int64_t threads = std::int64_t{gridDim.x} * kThreads;
  const std::int64_t thread = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  for (std::int64_t i = thread; i < count / 4; i += threads) {
    reinterpret_cast<float4*>(to)[i] = reinterpret_cast<const float4*>(from)[i];
  }
  const std::int64_t rest = count / 4 * 4 + thread;
  if (rest < count) to[rest] = from[rest];
}

}  // namespace

std::unique_ptr<bench::Plan> plan_to_gpu_kernel(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const auto in = io.in<float>(kInPinned);
    const auto blocks = static_cast<unsigned>(machine::cuda_device().multiprocessors);
    pull<<<blocks, kThreads, 0, io.stream()>>>(in.data(), io.out<float>(0).data(),
                                               static_cast<std::int64_t>(in.size()));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch02::memory_transfer
