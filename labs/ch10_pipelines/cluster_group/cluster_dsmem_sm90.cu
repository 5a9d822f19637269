// Clusters of eight blocks: each writes its sum into the first block's shared memory (DSMEM), which
// adds them and does one atomic for the cluster.
#include "kernels/cuda/cluster.cuh"
#include "labs/ch10_pipelines/cluster_group/row_sum.cuh"

namespace aisp::labs::ch10::cluster_group {
namespace {

__global__ void __cluster_dims__(kCluster, 1, 1) __launch_bounds__(kThreads)
    dsmem_kernel(Rows rows) {
  __shared__ float sums[kCluster];
  // A block's shared memory may be written once it runs: arrive now, wait after the work.
  kernels::cuda::cluster_arrive();
  const float sum = block_squares(rows);
  __syncwarp();
  kernels::cuda::cluster_wait();
  const auto rank = kernels::cuda::cluster_rank();
  if (threadIdx.x == 0) *kernels::cuda::of_block(&sums[rank], 0) = sum;
  __syncwarp();
  kernels::cuda::cluster_sync();
  if (rank != 0 || threadIdx.x != 0) return;
  float all = 0.0F;
  for (int block = 0; block < kCluster; ++block) all += sums[block];
  atomicAdd(&rows.out[blockIdx.y], all);
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
