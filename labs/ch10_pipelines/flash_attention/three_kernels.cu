// Attention as three kernels with the matrix of scores in memory between them: Q K^T, softmax of
// its rows, times V. What eager frameworks do; here too the products use tiles in shared memory.
#include "labs/ch10_pipelines/flash_attention/device_shape.cuh"

namespace aisp::labs::ch10::flash_attention {
namespace {

constexpr int kTile = 64, kDepth = 16, kThreads = 256;

/// c[64 x 64 at (row, column)] = a[m][k] b, b as [n][k] (transposed) or [k][n]. 4 x 4 a thread.
template <bool kTransposed, class Store>
__device__ void multiply_tile(const float* a, const float* b, int m, int n, int k, int b_width,
                              int row, int column, Store store) {
  __shared__ float as[kDepth][kTile + 4], bs[kDepth][kTile + 4];
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float sum[4][4] = {};
  for (int k0 = 0; k0 < k; k0 += kDepth) {
    for (int i = threadIdx.x; i < kTile * kDepth; i += kThreads) {
      const int r = i / kDepth, d = i % kDepth;
      as[d][r] =
          row + r < m && k0 + d < k ? a[static_cast<std::int64_t>(row + r) * k + k0 + d] : 0.0F;
      if constexpr (kTransposed) {
        bs[d][r] = column + r < n && k0 + d < k
                       ? b[static_cast<std::int64_t>(column + r) * b_width + k0 + d]
                       : 0.0F;
      } else {
        const int e = i / kTile, q = i % kTile;
        bs[e][q] = column + q < n && k0 + e < k
                       ? b[static_cast<std::int64_t>(k0 + e) * b_width + column + q]
                       : 0.0F;
      }
    }
    __syncthreads();
#pragma unroll
    for (int d = 0; d < kDepth; ++d) {
      const float4 x = *reinterpret_cast<const float4*>(&as[d][4 * ty]);
      const float4 y = *reinterpret_cast<const float4*>(&bs[d][4 * tx]);
      const float xs[4] = {x.x, x.y, x.z, x.w}, ys[4] = {y.x, y.y, y.z, y.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][j] += xs[i] * ys[j];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int r = row + 4 * ty + i, q = column + 4 * tx + j;
      if (r < m && q < n) store(r, q, sum[i][j]);
    }
  }
}

__global__ void __launch_bounds__(kThreads)
    scores_kernel(DeviceArrays at, float* scores, DeviceShape s) {
  const int head = static_cast<int>(blockIdx.z);
  const float* q = at.q + static_cast<std::int64_t>(head) * s.queries * s.D;
  const float* k = at.k + static_cast<std::int64_t>(head / s.group) * s.keys * s.D;
  float* to = scores + static_cast<std::int64_t>(head) * s.queries * s.keys;
  multiply_tile<true>(q, k, s.queries, s.keys, s.D, s.D, static_cast<int>(blockIdx.y) * kTile,
                      static_cast<int>(blockIdx.x) * kTile, [&](int i, int j, float sum) {
                        to[static_cast<std::int64_t>(i) * s.keys + j] =
                            j < s.seen(i) ? sum * s.scale : -INFINITY;
                      });
}

/// A block a row, in place.
__global__ void __launch_bounds__(kThreads) softmax_kernel(float* scores, int keys) {
  __shared__ float partial[kThreads / 32];
  float* row = scores + static_cast<std::int64_t>(blockIdx.x) * keys;
  const auto reduce = [&](float value, auto combine) {
    for (int step = 16; step > 0; step /= 2) {
      value = combine(value, __shfl_xor_sync(~0u, value, step));
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
    __syncthreads();
    value = partial[0];
    for (int warp = 1; warp < kThreads / 32; ++warp) value = combine(value, partial[warp]);
    return value;
  };
  float largest = -INFINITY;
  for (int j = threadIdx.x; j < keys; j += kThreads) largest = fmaxf(largest, row[j]);
  largest = reduce(largest, [](float a, float b) { return fmaxf(a, b); });
  float sum = 0.0F;
  for (int j = threadIdx.x; j < keys; j += kThreads) {
    row[j] = expf(row[j] - largest);
    sum += row[j];
  }
  sum = reduce(sum, [](float a, float b) { return a + b; });
  for (int j = threadIdx.x; j < keys; j += kThreads) row[j] /= sum;
}

__global__ void __launch_bounds__(kThreads)
    output_kernel(DeviceArrays at, const float* scores, DeviceShape s) {
  const int head = static_cast<int>(blockIdx.z);
  const float* p = scores + static_cast<std::int64_t>(head) * s.queries * s.keys;
  const float* v = at.v + static_cast<std::int64_t>(head / s.group) * s.keys * s.D;
  float* o = at.o + static_cast<std::int64_t>(head) * s.queries * s.D;
  multiply_tile<false>(p, v, s.queries, s.D, s.keys, s.D, static_cast<int>(blockIdx.y) * kTile,
                       static_cast<int>(blockIdx.x) * kTile, [&](int i, int d, float sum) {
                         o[static_cast<std::int64_t>(i) * s.D + d] = sum;
                       });
}

unsigned tiles(int n) { return static_cast<unsigned>((n + kTile - 1) / kTile); }

}  // namespace

std::unique_ptr<bench::Plan> plan_three_kernels(const bench::Params& params) {
  const DeviceShape s = device_shape_of(params);
  const auto count = static_cast<std::size_t>(s.heads) * static_cast<std::size_t>(s.queries) *
                     static_cast<std::size_t>(s.keys);
  return bench::plan_of([s, scores = machine::DeviceArray(4 * count)](const bench::Io& io) {
    const DeviceArrays at = device_arrays_of(io);
    const auto heads = static_cast<unsigned>(s.heads);
    scores_kernel<<<dim3(tiles(s.keys), tiles(s.queries), heads), kThreads, 0, io.stream()>>>(
        at, scores.as<float>(), s);
    AISP_CUDA(cudaGetLastError());
    softmax_kernel<<<static_cast<unsigned>(s.heads * s.queries), kThreads, 0, io.stream()>>>(
        scores.as<float>(), s.keys);
    AISP_CUDA(cudaGetLastError());
    output_kernel<<<dim3(tiles(s.D), tiles(s.queries), heads), kThreads, 0, io.stream()>>>(
        at, scores.as<float>(), s);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::flash_attention
