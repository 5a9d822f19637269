// One kernel launch for each element: what a loop over x[i] + y[i] in an eager framework puts on
// the stream. The framework's own microseconds of Python and dispatch for each element come on top
// and are not charged here.
// Source: PyTorch, aten/src/ATen/native/cuda/CUDALoops.cuh: a launch for each operation.
#include "labs/ch06_cuda_fundamentals/add/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch06::add {
namespace {

__global__ void add_one(const float* x, const float* y, float* out) { *out = *x + *y; }

}  // namespace

std::unique_ptr<bench::Plan> plan_kernel_per_element(const bench::Params&) {
  return bench::plan_of([](const bench::Io& io) {
    const Arrays a = arrays_of(io);
    for (std::size_t i = 0; i < a.count; ++i) {
      add_one<<<1, 1, 0, io.stream()>>>(a.x + i, a.y + i, a.out + i);
    }
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch06::add
