// Tiles of 32 x 32 of A and B in shared memory, one element of C a thread: global memory is read 32
// times less, but each multiply-add still takes two loads, from shared memory now.
// Source: CUDA C++ Programming Guide 13.0, shared memory (its matrix product).
#include "labs/ch09_fusion/micro_tiling/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch09::micro_tiling {
namespace {

constexpr int kSide = 32;

__global__ void multiply(const float* __restrict__ a, const float* __restrict__ b,
                         float* __restrict__ c, std::int64_t m, std::int64_t n, std::int64_t k) {
  __shared__ float a_tile[kSide][kSide], b_tile[kSide][kSide];
  const int x = threadIdx.x, y = threadIdx.y;
  const std::int64_t j = std::int64_t{blockIdx.x} * kSide + x;
  const std::int64_t i = std::int64_t{blockIdx.y} * kSide + y;
  float sum = 0.0f;
  for (std::int64_t from = 0; from < k; from += kSide) {
    a_tile[y][x] = i < m && from + x < k ? a[i * k + from + x] : 0.0f;
    b_tile[y][x] = from + y < k && j < n ? b[(from + y) * n + j] : 0.0f;
    __syncthreads();
#pragma unroll
    for (int q = 0; q < kSide; ++q) sum += a_tile[y][q] * b_tile[q][x];
    __syncthreads();
  }
  if (i < m && j < n) c[i * n + j] = sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_shared_tile(const bench::Params& params) {
  return bench::plan_of([m = params["M"], n = params["N"], k = params["K"]](const bench::Io& io) {
    const dim3 blocks(static_cast<unsigned>((n + kSide - 1) / kSide),
                      static_cast<unsigned>((m + kSide - 1) / kSide));
    multiply<<<blocks, dim3(kSide, kSide), 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), m, n, k);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::micro_tiling
