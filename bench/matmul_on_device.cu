// The reference of matrix products on the GPU: one thread for each element, in double, for sizes
// that take the host minutes.
#include "bench/matmul_problem.h"
#include "machine/cuda_raii.h"

namespace aisp::bench::matmul {
namespace {

constexpr int kSide = 16;

/// value = a b; scale = the Euclidean norms' product, as the host's reference.
__global__ void multiply(const float* a, const float* b, ExpectedOnDevice c, std::int64_t m,
                         std::int64_t n, std::int64_t k) {
  const std::int64_t column = std::int64_t{blockIdx.x} * kSide + threadIdx.x;
  const std::int64_t row = std::int64_t{blockIdx.y} * kSide + threadIdx.y;
  if (row >= m || column >= n) return;
  double sum = 0.0, row_square = 0.0, column_square = 0.0;
  for (std::int64_t q = 0; q < k; ++q) {
    const double x = a[row * k + q], y = b[q * n + column];
    sum += x * y;
    row_square += x * x;
    column_square += y * y;
  }
  c.value[row * n + column] = sum;
  c.scale[row * n + column] = sqrt(row_square * column_square);
}

}  // namespace

void reference_on_device(const Params& p, const Io& io, std::span<const ExpectedOnDevice> outputs) {
  const std::int64_t m = p["M"], n = p["N"];
  const dim3 blocks(static_cast<unsigned>((n + kSide - 1) / kSide),
                    static_cast<unsigned>((m + kSide - 1) / kSide));
  multiply<<<blocks, dim3(kSide, kSide), 0, io.stream()>>>(
      io.in<float>(kA).data(), io.in<float>(kB).data(), outputs[kC], m, n, p["K"]);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace aisp::bench::matmul
