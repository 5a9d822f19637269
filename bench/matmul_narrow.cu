// The reference of products in narrow types on the GPU: a thread for each element, in double.
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "bench/matmul_narrow.h"
#include "machine/cuda_raii.h"

namespace aisp::bench::matmul {
namespace {

constexpr int kSide = 16;

__device__ double wide(float x) { return x; }
__device__ double wide(f16 x) { return __half2float(__ushort_as_half(x.bits)); }
__device__ double wide(bf16 x) { return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16); }
__device__ double wide(std::uint8_t x) {
  return __half2float(__half(__nv_cvt_fp8_to_halfraw(x, __NV_E4M3)));
}

template <class T>
__global__ void multiply(const T* a, const T* b, ExpectedOnDevice c, std::int64_t m, std::int64_t n,
                         std::int64_t k, bool by_columns, double rounding) {
  const std::int64_t j = std::int64_t{blockIdx.x} * kSide + threadIdx.x;
  const std::int64_t i = std::int64_t{blockIdx.y} * kSide + threadIdx.y;
  if (i >= m || j >= n) return;
  double sum = 0.0, squares = 0.0;
  for (std::int64_t q = 0; q < k; ++q) {
    const double product = wide(a[i * k + q]) * wide(b[by_columns ? j * k + q : q * n + j]);
    sum += product;
    squares += product * product;
  }
  c.value[i * n + j] = sum;
  c.scale[i * n + j] = sqrt(squares) + rounding * fabs(sum);
}

void reference(const Params& p, const Io& io, bool by_columns, const ExpectedOnDevice& c) {
  const std::int64_t m = p["M"], n = p["N"], k = p["K"];
  const dim3 blocks(static_cast<unsigned>((n + kSide - 1) / kSide),
                    static_cast<unsigned>((m + kSide - 1) / kSide));
  const double rounding = narrow_rounding(narrow(p), k);
  const auto launch = [&](auto a, auto b) {
    multiply<<<blocks, dim3(kSide, kSide), 0, io.stream()>>>(a.data(), b.data(), c, m, n, k,
                                                             by_columns, rounding);
    AISP_CUDA(cudaGetLastError());
  };
  switch (narrow(p)) {
    case Narrow::kTf32:
      return launch(io.in<float>(0), io.in<float>(1));
    case Narrow::kF16:
      return launch(io.in<f16>(0), io.in<f16>(1));
    case Narrow::kBF16:
      return launch(io.in<bf16>(0), io.in<bf16>(1));
    case Narrow::kE4M3:
      return launch(io.in<std::uint8_t>(0), io.in<std::uint8_t>(1));
  }
}

}  // namespace

void reference_by_columns_on_device(const Params& p, const Io& io,
                                    std::span<const ExpectedOnDevice> outputs) {
  reference(p, io, true, outputs[0]);
}
void reference_by_rows_on_device(const Params& p, const Io& io,
                                 std::span<const ExpectedOnDevice> outputs) {
  reference(p, io, false, outputs[0]);
}

}  // namespace aisp::bench::matmul
