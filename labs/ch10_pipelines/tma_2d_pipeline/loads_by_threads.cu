// Each block's threads load a tile and its border with the tests that borders need, wait for one
// another, and compute: the tiled stencil of every tutorial.
#include "labs/ch10_pipelines/tma_2d_pipeline/tile.cuh"

namespace aisp::labs::ch10::tma_2d_pipeline {
namespace {

__global__ void __launch_bounds__(kThreads) threads_kernel(Image image) {
  __shared__ __align__(16) Box box;
  const int row = static_cast<int>(blockIdx.x) / image.tiles_across() * kRows;
  const int col = static_cast<int>(blockIdx.x) % image.tiles_across() * kCols;
  constexpr int kFours = kBoxCols / 4;  // groups of 4 columns are inside the image or outside
  for (int i = threadIdx.x; i < kBoxRows * kFours; i += kThreads) {
    const int r = row - 1 + i / kFours, c = col - kBorder + i % kFours * 4;
    const bool inside = r >= 0 && r < image.rows && c >= 0 && c < image.cols;
    *reinterpret_cast<float4*>(&box[i / kFours][i % kFours * 4]) =
        inside ? *reinterpret_cast<const float4*>(
                     &image.x[static_cast<std::int64_t>(r) * image.cols + c])
               : float4{0.0F, 0.0F, 0.0F, 0.0F};
  }
  float w[9];
  load_filter(image, w);
  __syncthreads();
  filter(image, box, w, row, col);
}

}  // namespace

std::unique_ptr<bench::Plan> plan_loads_by_threads(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Image image = image_of(params, io);
    threads_kernel<<<static_cast<unsigned>(image.tiles()), kThreads, 0, io.stream()>>>(image);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::tma_2d_pipeline
