// One kernel: each block adds its own elements in registers and shared memory, then one atomic.
#include "labs/ch10_pipelines/cluster_group/row_sum.cuh"

namespace aisp::labs::ch10::cluster_group {
namespace {

__global__ void __launch_bounds__(kThreads) block_kernel(Rows rows) {
  const float sum = block_squares(rows);
  if (threadIdx.x == 0) atomicAdd(&rows.out[blockIdx.y], sum);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_block_reduction(const bench::Params& params) {
  return bench::plan_of([params, grid = grid_of(params)](const bench::Io& io) {
    clear(io);
    block_kernel<<<grid, kThreads, 0, io.stream()>>>(rows_of(params, io));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::cluster_group
