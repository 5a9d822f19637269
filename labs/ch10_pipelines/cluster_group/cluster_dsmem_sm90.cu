// Clusters of eight blocks: each writes its sum into the first block's shared memory (DSMEM), which
// adds them and does one atomic for the cluster.
#include "labs/ch10_pipelines/cluster_group/row_sum.cuh"

namespace aisp::labs::ch10::cluster_group {
namespace {

__global__ void __cluster_dims__(kCluster, 1, 1) __launch_bounds__(kThreads)
    dsmem_kernel(Rows rows) {
  __shared__ float sums[kCluster];
  // A block's shared memory may be written once it runs: arrive now, wait after the work.
  kernels::cuda::cluster_arrive();
  add_through_dsmem(rows, sums, block_squares(rows));
}

}  // namespace

std::unique_ptr<bench::Plan> plan_cluster_dsmem(const bench::Params& params) {
  return bench::plan_of([params, grid = grid_of(params)](const bench::Io& io) {
    clear(io);
    dsmem_kernel<<<grid, kThreads, 0, io.stream()>>>(rows_of(params, io));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::cluster_group
