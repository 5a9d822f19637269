// The device baseline: a thread for each element of C, a loop over K straight from global memory.
// The lanes of a warp share the element of A and read neighbours of B, so the caches answer; two
// loads for one multiply-add.
// Source: CUDA C++ Programming Guide, 3.2.4 (matrix multiplication without shared memory).
#include "labs/ch07_memory_access/matmul_tiled/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch07::matmul_tiled {
namespace {

constexpr int kSide = 32;

__global__ void multiply(const float* a, const float* b, float* c, int m, int n, int k) {
  const int column = static_cast<int>(blockIdx.x) * kSide + static_cast<int>(threadIdx.x);
  const int row = static_cast<int>(blockIdx.y) * kSide + static_cast<int>(threadIdx.y);
  if (row >= m || column >= n) return;
  float sum = 0.0F;
  for (int q = 0; q < k; ++q) sum += a[row * k + q] * b[q * n + column];
  c[row * n + column] = sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_thread_per_element(const bench::Params& p) {
  return bench::plan_of([m = static_cast<int>(p["M"]), n = static_cast<int>(p["N"]),
                         k = static_cast<int>(p["K"])](const bench::Io& io) {
    const dim3 blocks((n + kSide - 1) / kSide, (m + kSide - 1) / kSide);
    multiply<<<blocks, dim3(kSide, kSide), 0, io.stream()>>>(
        io.in<float>(kA).data(), io.in<float>(kB).data(), io.out<float>(kC).data(), m, n, k);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch07::matmul_tiled
