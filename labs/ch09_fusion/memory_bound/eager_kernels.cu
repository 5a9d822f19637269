// LayerNorm written as an expression in PyTorch's eager mode, on a GPU: an operation a kernel, each
// with a result array of its own, made once as the caching allocator hands them out again. Element
// kernels move 16 bytes a thread, reductions take a block a row, as PyTorch's do.
// Source: PyTorch, aten/src/ATen/native/cuda/CUDALoops.cuh, Reduce.cuh.
#include "labs/ch09_fusion/memory_bound/device_rows.h"
#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {
namespace {

constexpr int kThreads = 128;  // PyTorch's element kernels

__global__ void mean_of_rows(const float* __restrict__ x, float* __restrict__ mean,
                             std::int64_t n) {
  float sum = 0.0f;
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += x[blockIdx.x * n + i];
  sum = sum_over_block(sum);
  if (threadIdx.x == 0) mean[blockIdx.x] = sum / static_cast<float>(n);
}

__global__ void inverse_root_of(const float* __restrict__ variance, float* __restrict__ out,
                                std::int64_t rows) {
  const std::int64_t r = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (r < rows) out[r] = 1.0f / sqrtf(variance[r] + kEpsilon);
}

enum class Operation { kSubtractRow, kSquare, kMultiplyRow, kMultiplyColumn, kAddColumn };

template <Operation kOperation>
__device__ float result_of(float x, const float* y, std::int64_t row, std::int64_t column) {
  if constexpr (kOperation == Operation::kSubtractRow) return x - y[row];
  if constexpr (kOperation == Operation::kSquare) return x * x;
  if constexpr (kOperation == Operation::kMultiplyRow) return x * y[row];
  if constexpr (kOperation == Operation::kMultiplyColumn) return x * y[column];
  return x + y[column];
}

/// out = x op y over [rows][n]; y is one number a row or one a column. Four neighbours a thread.
template <Operation kOperation>
__global__ void apply(const float* __restrict__ x, const float* __restrict__ y,
                      float* __restrict__ out, std::int64_t count, std::int64_t n) {
  const std::int64_t i = 4 * (std::int64_t{blockIdx.x} * kThreads + threadIdx.x);
  const std::int64_t row = i / n, column = i - row * n;
  if (n % 4 == 0) {
    if (i >= count) return;
    const float4 a = *reinterpret_cast<const float4*>(x + i);
    *reinterpret_cast<float4*>(out + i) = {result_of<kOperation>(a.x, y, row, column),
                                           result_of<kOperation>(a.y, y, row, column + 1),
                                           result_of<kOperation>(a.z, y, row, column + 2),
                                           result_of<kOperation>(a.w, y, row, column + 3)};
    return;
  }
  for (std::int64_t j = i; j < i + 4 && j < count; ++j) {
    out[j] = result_of<kOperation>(x[j], y, j / n, j % n);
  }
}

}  // namespace

std::unique_ptr<bench::Plan> plan_eager_kernels(const bench::Params& params) {
  const std::int64_t rows = params["rows"], n = params["n"], count = rows * n;
  const auto bytes = static_cast<std::size_t>(count) * sizeof(float);
  auto centered = std::make_shared<machine::DeviceBuffer>(bytes);
  auto other = std::make_shared<machine::DeviceBuffer>(bytes);
  auto of_rows = std::make_shared<machine::DeviceBuffer>(static_cast<std::size_t>(rows) * 4);
  const auto blocks = static_cast<unsigned>((count + 4 * kThreads - 1) / (4 * kThreads));
  const auto row_blocks = static_cast<unsigned>((rows + kThreads - 1) / kThreads);
  return bench::plan_of([=](const bench::Io& io) {
    const cudaStream_t s = io.stream();
    const float *x = io.in<float>(0).data(), *weight = io.in<float>(1).data();
    float *c = centered->as<float>(), *t = other->as<float>(), *row = of_rows->as<float>();
    mean_of_rows<<<static_cast<unsigned>(rows), 512, 0, s>>>(x, row, n);
    apply<Operation::kSubtractRow><<<blocks, kThreads, 0, s>>>(x, row, c, count, n);
    apply<Operation::kSquare><<<blocks, kThreads, 0, s>>>(c, nullptr, t, count, n);
    mean_of_rows<<<static_cast<unsigned>(rows), 512, 0, s>>>(t, row, n);
    inverse_root_of<<<row_blocks, kThreads, 0, s>>>(row, row, rows);
    apply<Operation::kMultiplyRow><<<blocks, kThreads, 0, s>>>(c, row, t, count, n);
    apply<Operation::kMultiplyColumn><<<blocks, kThreads, 0, s>>>(t, weight, c, count, n);
    apply<Operation::kAddColumn>
        <<<blocks, kThreads, 0, s>>>(c, io.in<float>(2).data(), io.out<float>(0).data(), count, n);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::memory_bound
