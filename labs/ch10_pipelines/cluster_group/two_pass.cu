// Two kernels and no atomics: blocks write their sums, a second kernel adds those of each row. The
// order of additions is fixed, so results repeat bit for bit.
#include "labs/ch10_pipelines/cluster_group/row_sum.cuh"

namespace aisp::labs::ch10::cluster_group {
namespace {

__global__ void __launch_bounds__(kThreads) partial_kernel(Rows rows, float* partial) {
  const float sum = block_squares(rows);
  if (threadIdx.x == 0) partial[blockIdx.y * gridDim.x + blockIdx.x] = sum;
}

/// One warp a row.
__global__ void add_kernel(const float* partial, float* out, int count) {
  float sum = 0.0F;
  for (int i = threadIdx.x; i < count; i += 32) sum += partial[blockIdx.x * count + i];
  for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(~0u, sum, step);
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_two_pass(const bench::Params& params) {
  const dim3 grid = grid_of(params);
  return bench::plan_of(
      [params, grid, partial = machine::DeviceArray(4UL * grid.x * grid.y)](const bench::Io& io) {
        const Rows rows = rows_of(params, io);
        partial_kernel<<<grid, kThreads, 0, io.stream()>>>(rows, partial.as<float>());
        AISP_CUDA(cudaGetLastError());
        add_kernel<<<grid.y, 32, 0, io.stream()>>>(partial.as<float>(), rows.out,
                                                   static_cast<int>(grid.x));
        AISP_CUDA(cudaGetLastError());
      });
}

}  // namespace aisp::labs::ch10::cluster_group
