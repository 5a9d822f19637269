// A tile with its halo in shared memory, loaded by the threads, a barrier, then four reads of
// shared memory for each output: how stencils are taught. Source: P. Micikevicius, "3D Finite
// Difference Computation on GPUs using CUDA", GPGPU-2, 2009.
#include "labs/ch07_memory_access/tma_copy/window.cuh"

namespace aisp::labs::ch07::tma_copy {
namespace {

constexpr int kAcross = 64, kDown = 4, kRows = 32;  // a tile of 32 tokens x 64 channels, 8 a thread
constexpr int kHalo = kTaps - 1;

__global__ void __launch_bounds__(kAcross* kDown) convolve(Conv conv) {
  __shared__ float tile[kRows + kHalo][kAcross];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const std::int64_t channel = std::int64_t{blockIdx.x} * kAcross + x;
  const std::int64_t first = std::int64_t{blockIdx.y} * kRows;
  const bool inside = channel < conv.channels;
  for (int row = y; row < kRows + kHalo; row += kDown) {
    const std::int64_t t = first - kHalo + row;
    const bool there = inside && t >= 0 && t < conv.tokens;
    tile[row][x] = there ? conv.x[t * conv.channels + channel] : 0.0F;
  }
  __syncthreads();
  if (!inside) return;
  const float4 w = reinterpret_cast<const float4*>(conv.w)[channel];
#pragma unroll
  for (int row = y; row < kRows; row += kDown) {
    if (first + row >= conv.tokens) break;
    conv.out[(first + row) * conv.channels + channel] =
        (w.x * tile[row][x] + w.y * tile[row + 1][x]) +
        (w.z * tile[row + 2][x] + w.w * tile[row + 3][x]);
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params& params) {
  return bench::plan_of([params](const bench::Io& io) {
    const Conv conv = conv_of(io, params);
    const dim3 blocks(static_cast<unsigned>((conv.channels + kAcross - 1) / kAcross),
                      static_cast<unsigned>((conv.tokens + kRows - 1) / kRows));
    convolve<<<blocks, dim3(kAcross, kDown), 0, io.stream()>>>(conv);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::tma_copy
