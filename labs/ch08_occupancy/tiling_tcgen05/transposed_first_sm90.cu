// B is transposed into scratch memory by a kernel of its own before every product, as a framework's
// .t().contiguous() does: one pass over B, read and written.
#include "kernels/cuda/wgmma_gemm.cuh"
#include "labs/ch08_occupancy/tiling_tcgen05/problem.h"

namespace aisp::labs::ch08::tiling_tcgen05 {
namespace {

constexpr int kTile = 64;

/// to[n][k] = from[k][n]; a block of 256 threads for each 64 x 64.
__global__ void transpose(const f16* __restrict__ from, f16* __restrict__ to, std::int64_t k,
                          std::int64_t n) {
  __shared__ std::uint16_t tile[kTile][kTile + 2];  // a row is 33 words: columns meet no bank twice
  const std::int64_t row = std::int64_t{blockIdx.y} * kTile,
                     column = std::int64_t{blockIdx.x} * kTile;
  const int x = threadIdx.x % kTile, y = threadIdx.x / kTile;
  for (int i = y; i < kTile; i += 4) {
    if (row + i < k && column + x < n) tile[i][x] = from[(row + i) * n + column + x].bits;
  }
  __syncthreads();
  for (int i = y; i < kTile; i += 4) {
    if (column + i < n && row + x < k) to[(column + i) * k + row + x].bits = tile[x][i];
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_transposed_first(const bench::Params& params) {
  namespace cuda = kernels::cuda;
  const std::int64_t m = params["M"], n = params["N"], k = params["K"];
  auto scratch = std::make_shared<machine::DeviceBuffer>(static_cast<std::size_t>(n * k) * 2);
  const dim3 blocks(static_cast<unsigned>((n + kTile - 1) / kTile),
                    static_cast<unsigned>((k + kTile - 1) / kTile));
  return bench::plan_of([=](const bench::Io& io) {
    transpose<<<blocks, 256, 0, io.stream()>>>(io.in<f16>(kB).data(), scratch->as<f16>(), k, n);
    AISP_CUDA(cudaGetLastError());
    cuda::launch_wgmma_tiles<cuda::F16Product, 128, 4, cuda::LayoutB::kColumns>(
        io.in<f16>(kA).data(), scratch->as<f16>(), io.out<f16>(0).data(), m, n, k, io.stream());
  });
}

}  // namespace aisp::labs::ch08::tiling_tcgen05
