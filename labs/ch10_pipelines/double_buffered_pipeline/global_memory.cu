// A thread for each element of C that reads its row of A and column of B from global memory: the
// kernel everybody writes first.
#include "labs/ch10_pipelines/double_buffered_pipeline/tiles.cuh"

namespace aisp::labs::ch10::double_buffered_pipeline {
namespace {

__global__ void __launch_bounds__(kThreads) element_kernel(Product p) {
  const int q = static_cast<int>(blockIdx.x) * 32 + threadIdx.x % 32;
  const int r = static_cast<int>(blockIdx.y) * 8 + threadIdx.x / 32;
  if (r >= p.m || q >= p.n) return;
  float sum = 0.0F;
  for (int k = 0; k < p.k; ++k) {
    sum +=
        p.a[static_cast<std::int64_t>(r) * p.k + k] * p.b[static_cast<std::int64_t>(k) * p.n + q];
  }
  p.c[static_cast<std::int64_t>(r) * p.n + q] = sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_global_memory(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Product p = product_of(params, io);
    const dim3 grid(static_cast<unsigned>((p.n + 31) / 32), static_cast<unsigned>((p.m + 7) / 8));
    element_kernel<<<grid, kThreads, 0, io.stream()>>>(p);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::double_buffered_pipeline
