// One call with arrays of pointers, which lie in device memory: a kernel writes them, because the
// buffers of a call are known only then. That kernel is timed.
// Source: cuBLAS, cublasSgemmBatched.
#include "labs/ch01_performance_basics/gemm/problem.h"
#include "machine/cuda_raii.h"
#include "machine/device_blas.h"

namespace aisp::labs::ch01::gemm {
namespace {

struct Pointers {
  const float** a;
  const float** b;
  float** c;
};

__global__ void point(Pointers to, const float* a, const float* b, float* c, Sizes s) {
  const std::int64_t h = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (h >= s.heads) return;
  to.a[h] = a + h * s.T * s.T;
  to.b[h] = b + h / s.group * s.T * s.D;
  to.c[h] = c + h * s.T * s.D;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_cublas_pointers(const bench::Params& p) {
  const Sizes s(p);
  auto blas = std::make_shared<machine::DeviceBlas>(machine::BlasMath::kF32);
  const auto heads = static_cast<std::size_t>(s.heads);
  auto memory = std::make_shared<machine::DeviceBuffer>(3 * heads * sizeof(void*));
  const Pointers to = {memory->as<const float*>(), memory->as<const float*>() + heads,
                       memory->as<float*>() + 2 * heads};
  return bench::plan_of([blas, memory, to, s](const bench::Io& io) {
    point<<<static_cast<unsigned>((s.heads + 127) / 128), 128, 0, io.stream()>>>(
        to, io.in<float>(kP).data(), io.in<float>(kV).data(), io.out<float>(kO).data(), s);
    AISP_CUDA(cudaGetLastError());
    blas->gemm_pointers(io.stream(), {s.T, s.D, s.T}, to.a, to.b, to.c, s.heads);
  });
}

}  // namespace aisp::labs::ch01::gemm
