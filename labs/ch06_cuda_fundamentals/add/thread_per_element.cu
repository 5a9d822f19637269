// The device baseline: one thread for each element, the first kernel of every introduction.
// Source: CUDA C++ Programming Guide, 2.2 (VecAdd).
#include "labs/ch06_cuda_fundamentals/add/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::add {
namespace {

constexpr unsigned kThreads = 256;  // 8 blocks fill the 2048 places of a multiprocessor

__global__ void add(const float* x, const float* y, float* out, std::size_t count) {
  const std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < count) out[i] = x[i] + y[i];
}

}  // namespace

std::unique_ptr<bench::Plan> plan_thread_per_element(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const Arrays a = arrays_of(io);
    const auto blocks = static_cast<unsigned>((a.count + kThreads - 1) / kThreads);
    add<<<blocks, kThreads, 0, io.stream()>>>(a.x, a.y, a.out, a.count);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch06::add
