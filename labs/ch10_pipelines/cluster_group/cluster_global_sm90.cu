// The same clusters without DSMEM: sums pass through global memory, the cluster's barrier says when
// all are there.
#include "kernels/cuda/cluster.cuh"
#include "labs/ch10_pipelines/cluster_group/row_sum.cuh"

namespace aisp::labs::ch10::cluster_group {
namespace {

__global__ void __cluster_dims__(kCluster, 1, 1) __launch_bounds__(kThreads)
    global_kernel(Rows rows, float* sums) {
  float* const mine = sums + (blockIdx.y * gridDim.x + blockIdx.x) / kCluster * kCluster;
  const float sum = block_squares(rows);
  const auto rank = kernels::cuda::cluster_rank();
  if (threadIdx.x == 0) mine[rank] = sum;
  __syncwarp();
  kernels::cuda::cluster_sync();  // release and acquire: the writes are visible to the cluster
  if (rank != 0 || threadIdx.x != 0) return;
  float all = 0.0F;
  for (int block = 0; block < kCluster; ++block) all += __ldcg(mine + block);  // not from this L1
  atomicAdd(&rows.out[blockIdx.y], all);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_cluster_global(const bench::Params& params) {
  const dim3 grid = grid_of(params);
  return bench::plan_of(
      [params, grid, sums = machine::DeviceArray(4UL * grid.x * grid.y)](const bench::Io& io) {
        clear(io);
        global_kernel<<<grid, kThreads, 0, io.stream()>>>(rows_of(params, io), sums.as<float>());
        AISP_CUDA(cudaGetLastError());
      });
}

}  // namespace aisp::labs::ch10::cluster_group
