// One thread for each four elements, loaded and stored by instructions of 16 bytes: a quarter of
// the threads, of the instructions and of the requests. The last one to three elements are left to
// one thread more. The buffers are 256-byte aligned.
// Source: CUDA C++ Best Practices Guide, 10.2.1 (coalesced access); NVIDIA, "CUDA Pro Tip: Increase
// Performance with Vectorized Memory Access".
#include "labs/ch06_cuda_fundamentals/add/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::add {
namespace {

// A token's 4096 elements are 1024 threads: blocks of 64 spread them over 16 multiprocessors.
constexpr unsigned kThreads = 64;

__global__ void add(const float* x, const float* y, float* out, std::size_t count) {
  const std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x;
  if (4 * i + 4 <= count) {
    const float4 a = reinterpret_cast<const float4*>(x)[i];
    const float4 b = reinterpret_cast<const float4*>(y)[i];
    reinterpret_cast<float4*>(out)[i] = {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
  } else {
    for (std::size_t at = 4 * i; at < count; ++at) out[at] = x[at] + y[at];
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_float4_a_thread(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const Arrays a = arrays_of(io);
    const std::size_t vectors = (a.count + 3) / 4;
    const auto blocks = static_cast<unsigned>((vectors + kThreads - 1) / kThreads);
    add<<<blocks, kThreads, 0, io.stream()>>>(a.x, a.y, a.out, a.count);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch06::add
