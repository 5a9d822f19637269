// An atomic addition for each element: the loop over elements that needs no thought about threads,
// as in scatter-adds and histograms.
#include "labs/ch10_pipelines/cluster_group/row_sum.cuh"

namespace aisp::labs::ch10::cluster_group {
namespace {

__global__ void __launch_bounds__(kThreads) element_kernel(Rows rows) {
  const float* x = rows.x + blockIdx.y * rows.n;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < rows.n;
       i += stride) {
    atomicAdd(&rows.out[blockIdx.y], x[i] * x[i]);
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_atomic_per_element(const bench::Params& params) {
  return bench::plan_of([params, grid = grid_of(params)](const bench::Io& io) {
    clear(io);
    element_kernel<<<grid, kThreads, 0, io.stream()>>>(rows_of(params, io));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::cluster_group
