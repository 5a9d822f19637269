// A thread for each element of C, everything from global memory: the first kernel that anybody
// writes. Two loads a multiply-add; neighbours in a warp share the element of A and read 32 of B.
#include "labs/ch09_fusion/micro_tiling/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch09::micro_tiling {
namespace {

constexpr int kSide = 16;

__global__ void multiply(const float* __restrict__ a, const float* __restrict__ b,
                         float* __restrict__ c, std::int64_t m, std::int64_t n, std::int64_t k) {
  const std::int64_t j = std::int64_t{blockIdx.x} * kSide + threadIdx.x;
  const std::int64_t i = std::int64_t{blockIdx.y} * kSide + threadIdx.y;
  if (i >= m || j >= n) return;
  float sum = 0.0f;
  for (std::int64_t q = 0; q < k; ++q) sum += a[i * k + q] * b[q * n + j];
  c[i * n + j] = sum;
}

}  // namespace

std::unique_ptr<bench::Plan> plan_thread_per_element(const bench::Params& params) {
  return bench::plan_of([m = params["M"], n = params["N"], k = params["K"]](const bench::Io& io) {
    const dim3 blocks(static_cast<unsigned>((n + kSide - 1) / kSide),
                      static_cast<unsigned>((m + kSide - 1) / kSide));
    multiply<<<blocks, dim3(kSide, kSide), 0, io.stream()>>>(
        io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), m, n, k);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::micro_tiling
