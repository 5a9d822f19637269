// The kernels of the self-test. See selftest_kernels.h.
#include "bench/selftest_kernels.h"

#include "machine/cuda_raii.h"

namespace aisp::bench {
namespace {

constexpr int kSpinThreads = 128;  // a warp for each scheduler of a multiprocessor
// 8 blocks of 256 threads fill a multiprocessor: 32 KiB in flight there, enough for any HBM.
constexpr int kReadThreads = 256, kReadBlocks = 8;

__global__ void spin_kernel(std::int64_t steps, std::uint32_t* sink) {
  std::uint32_t x = threadIdx.x;
#pragma unroll 1  // unrolled, a step would cost more or less with their number's remainder
  for (std::int64_t i = 0; i < steps; ++i) x = x * 0x9e3779b9u + 0x85ebca6bu;
  if (blockIdx.x == 0 && threadIdx.x == 0) *sink = x;
}

__global__ void read_kernel(const uint4* from, std::int64_t count, std::uint32_t* sink) {
  const std::int64_t begin = count * blockIdx.x / gridDim.x;
  const std::int64_t end = count * (blockIdx.x + 1) / gridDim.x;
  std::uint32_t sum = 0;
#pragma unroll 4
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kReadThreads) {
    const uint4 v = __ldcs(from + i);
    sum += v.x ^ v.y ^ v.z ^ v.w;
  }
  if (sum == 0x9e3779b9u) *sink = sum;
}

__global__ void chase_kernel(const std::uint32_t* words, std::int64_t chains, std::int64_t hops,
                             std::uint32_t* sink) {
  const std::int64_t chain = blockIdx.x;
  if (chain >= chains) return;
  auto at = static_cast<std::uint32_t>(chain * 32);
  for (std::int64_t i = 0; i < hops; ++i) at = __ldcg(words + at);
  if (at == ~0u) *sink = at;
}

}  // namespace

void enqueue_spin(std::int64_t steps, std::uint32_t* sink, machine::CudaStream stream) {
  spin_kernel<<<machine::cuda_device().multiprocessors, kSpinThreads, 0, stream>>>(steps, sink);
  AISP_CUDA(cudaGetLastError());
}

void enqueue_read(const void* from, std::int64_t bytes, std::uint32_t* sink,
                  machine::CudaStream stream) {
  const int blocks = kReadBlocks * machine::cuda_device().multiprocessors;
  read_kernel<<<blocks, kReadThreads, 0, stream>>>(
      static_cast<const uint4*>(from), bytes / static_cast<std::int64_t>(sizeof(uint4)), sink);
  AISP_CUDA(cudaGetLastError());
}

void enqueue_chase(const std::uint32_t* words, std::int64_t bytes, std::int64_t chains,
                   std::uint32_t* sink, machine::CudaStream stream) {
  chase_kernel<<<static_cast<int>(chains), 1, 0, stream>>>(words, chains, bytes / 128 / chains,
                                                           sink);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::bench
