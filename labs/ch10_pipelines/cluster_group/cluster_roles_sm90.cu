// As cluster_dsmem, but a warp of its own brings the elements: the copy engine fills a ring of four
// pieces in shared memory, and the others add up what has arrived. Rows whose length is no multiple
// of 4 do not begin on 16 bytes, and take cluster_dsmem's kernel.
#include "kernels/cuda/mbarrier.cuh"
#include "kernels/cuda/tma.cuh"
#include "labs/ch10_pipelines/cluster_group/row_sum.cuh"

namespace aisp::labs::ch10::cluster_group {
namespace {

using namespace kernels::cuda;

constexpr int kStages = 4;
constexpr int kPiece = 1024;  // floats: 16 bytes a thread; four pieces of eight blocks are 128 KB

__device__ int floats_of(const Rows& rows, std::int64_t piece) {
  return static_cast<int>(min(static_cast<std::int64_t>(kPiece), rows.n - piece * kPiece));
}

__global__ void __cluster_dims__(kCluster, 1, 1) __launch_bounds__(kThreads + 32)
    roles_kernel(Rows rows) {
  __shared__ alignas(128) float4 ring[kStages][kPiece / 4];
  __shared__ Barrier full[kStages], empty[kStages];
  __shared__ float sums[kCluster];
  cluster_arrive();
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages; ++s) {
      barrier_init(&full[s], 1);
      barrier_init(&empty[s], kThreads);
    }
    barrier_init_fence();
  }
  __syncthreads();
  const float* x = rows.x + blockIdx.y * rows.n;
  const std::int64_t pieces = (rows.n + kPiece - 1) / kPiece;
  RingPosition<kStages> at;
  float sum = 0.0F;
  if (threadIdx.x == kThreads) {
    for (std::int64_t piece = blockIdx.x; piece < pieces; piece += gridDim.x, at.advance()) {
      const std::uint32_t bytes = 4U * static_cast<std::uint32_t>(floats_of(rows, piece));
      barrier_wait(&empty[at.stage], at.parity ^ 1);
      barrier_arrive_expect(&full[at.stage], bytes);
      bulk_load(ring[at.stage], x + piece * kPiece, bytes, &full[at.stage]);
    }
  } else if (threadIdx.x < kThreads) {
    for (std::int64_t piece = blockIdx.x; piece < pieces; piece += gridDim.x, at.advance()) {
      barrier_wait(&full[at.stage], at.parity);
      if (static_cast<int>(threadIdx.x) < floats_of(rows, piece) / 4) {
        const float4 v = ring[at.stage][threadIdx.x];
        sum += (v.x * v.x + v.y * v.y) + (v.z * v.z + v.w * v.w);
      }
      barrier_arrive(&empty[at.stage]);
    }
  }
  __syncwarp();
  add_through_dsmem(rows, sums, over_block(sum));
}

}  // namespace

std::unique_ptr<bench::Plan> plan_cluster_roles(const bench::Params& params) {
  if (params["n"] % 4 != 0) return plan_cluster_dsmem(params);
  return bench::plan_of([params, grid = grid_of(params)](const bench::Io& io) {
    clear(io);
    roles_kernel<<<grid, kThreads + 32, 0, io.stream()>>>(rows_of(params, io));
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::cluster_group
