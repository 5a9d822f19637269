// The same floats in scattered order (problem.h, scattering_step): each lane of a warp asks for a
// sector of its own, 32 bytes for 4. A thread walks by an addition and a comparison, as on the CPU;
// the order alone is charged.
#include "labs/ch07_memory_access/copy/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::copy {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::int64_t kEach = 16;  // enough to pay for the 64-bit division at a thread's start

/// Thread t moves elements (t + i * threads) * step mod count; stride is threads * step mod count.
__global__ void copy(const float* from, float* to, std::int64_t count, std::int64_t step,
                     std::int64_t stride) {
  const std::int64_t threads = std::int64_t{gridDim.x} * kThreads;
  const std::int64_t thread = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  std::int64_t at = thread * step % count;
  for (std::int64_t i = thread; i < count; i += threads) {
    to[at] = from[at];
    at += stride;
    if (at >= count) at -= count;
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_scattered_floats(const bench::Params& params) {
  const std::int64_t count = params["count"];
  const auto step = static_cast<std::int64_t>(scattering_step(static_cast<std::size_t>(count)));
  const auto blocks = (count + kThreads * kEach - 1) / (kThreads * kEach);
  const std::int64_t stride = blocks * kThreads % count * step % count;
  return bench::plan_of([=](const bench::Io& io) {
    copy<<<static_cast<unsigned>(blocks), kThreads, 0, io.stream()>>>(
        io.in<float>(0).data(), io.out<float>(0).data(), count, step, stride);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::copy
