// sqrt(x*x + y*y) as eager PyTorch runs it on a GPU: four kernels, three temporaries. Each kernel
// moves 16 bytes a thread, as PyTorch's vectorised loops do, and the temporaries are made once, as
// its caching allocator would hand them out again.
// Source: PyTorch, aten/src/ATen/native/cuda/CUDALoops.cuh (vectorized_elementwise_kernel).
#include "labs/ch09_fusion/fused_l2norm/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch09::fused_l2norm {
namespace {

constexpr int kThreads = 128;  // PyTorch's

struct Square {
  __device__ float operator()(float a, float) const { return a * a; }
};
struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Root {
  __device__ float operator()(float a, float) const { return sqrtf(a); }
};

/// out[i] = f(a[i], b[i]); a one-argument f is given a twice, which costs nothing: the compiler
/// drops a load that nobody uses.
template <class F>
__global__ void apply(const float* __restrict__ a, const float* __restrict__ b,
                      float* __restrict__ out, std::int64_t n) {
  const F f;
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x, vectors = n / 4;
  if (i < vectors) {
    const float4 p = reinterpret_cast<const float4*>(a)[i];
    const float4 q = reinterpret_cast<const float4*>(b)[i];
    reinterpret_cast<float4*>(out)[i] = {f(p.x, q.x), f(p.y, q.y), f(p.z, q.z), f(p.w, q.w)};
  }
  if (i < n % 4) out[4 * vectors + i] = f(a[4 * vectors + i], b[4 * vectors + i]);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_four_kernels(const bench::Params& params) {
  const std::int64_t n = params["n"];
  const auto bytes = static_cast<std::size_t>(n) * sizeof(float);
  auto xx = std::make_shared<machine::DeviceBuffer>(bytes);
  auto yy = std::make_shared<machine::DeviceBuffer>(bytes);
  auto sum = std::make_shared<machine::DeviceBuffer>(bytes);
  const auto blocks = static_cast<unsigned>((n / 4 + kThreads) / kThreads);
  return bench::plan_of([=](const bench::Io& io) {
    const float *x = io.in<float>(0).data(), *y = io.in<float>(1).data();
    apply<Square><<<blocks, kThreads, 0, io.stream()>>>(x, x, xx->as<float>(), n);
    apply<Square><<<blocks, kThreads, 0, io.stream()>>>(y, y, yy->as<float>(), n);
    apply<Add><<<blocks, kThreads, 0, io.stream()>>>(xx->as<float>(), yy->as<float>(),
                                                     sum->as<float>(), n);
    apply<Root><<<blocks, kThreads, 0, io.stream()>>>(sum->as<float>(), sum->as<float>(),
                                                      io.out<float>(0).data(), n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::fused_l2norm
