// The tiled product: 128 x 128 of C a block, 8 x 8 a thread, slices of 16 along K in kBuffers
// buffers of shared memory. With one, fetching and multiplying take turns; with more, asynchronous
// copies bring the next slices meanwhile. The arithmetic is the same.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/cuda/mma.cuh"
#include "labs/ch10_pipelines/double_buffered_pipeline/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch10::double_buffered_pipeline {

inline constexpr int kTile = 128, kDepth = 16, kThreads = 256;
inline constexpr int kRowA = kDepth + 4;  // 80 bytes: 16-byte aligned, and rows in other banks

struct Product {
  const float* a = nullptr;
  const float* b = nullptr;
  float* c = nullptr;
  int m = 0, n = 0, k = 0;
};

inline Product product_of(const bench::Params& params, const bench::Io& io) {
  return {io.in<float>(bench::matmul::kA).data(),  io.in<float>(bench::matmul::kB).data(),
          io.out<float>(bench::matmul::kC).data(), static_cast<int>(params["M"]),
          static_cast<int>(params["N"]),           static_cast<int>(params["K"])};
}

struct Slice {
  float a[kTile][kRowA];
  float b[kDepth][kTile];
};

/// Four neighbours of a row to shared memory, zeros beyond `valid` of them. Asynchronous when rows
/// are aligned, otherwise element by element.
__device__ inline void fetch_four(float* to, const float* from, int valid, bool aligned) {
  if (aligned) {
    const int bytes = valid >= 4 ? 16 : valid <= 0 ? 0 : 4 * valid;
    kernels::cuda::copy_async_16(kernels::cuda::shared_address(to), from, bytes);
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) to[i] = i < valid ? from[i] : 0.0F;
}

/// Asks for slice `step`; the copies form one group.
__device__ inline void fetch(const Product& p, Slice& slice, int row, int column, int step) {
  const int k0 = step * kDepth;
#pragma unroll
  for (int part = 0; part < kTile * kDepth / 4 / kThreads; ++part) {
    const int i = threadIdx.x + part * kThreads;
    const int r = i / (kDepth / 4), q = i % (kDepth / 4) * 4;
    const int valid = row + r < p.m ? p.k - (k0 + q) : 0;
    fetch_four(&slice.a[r][q],
               valid > 0 ? p.a + static_cast<std::int64_t>(row + r) * p.k + k0 + q : p.a, valid,
               p.k % 4 == 0);
    const int br = i / (kTile / 4), bq = i % (kTile / 4) * 4;
    const int b_valid = k0 + br < p.k ? p.n - (column + bq) : 0;
    fetch_four(&slice.b[br][bq],
               b_valid > 0 ? p.b + static_cast<std::int64_t>(k0 + br) * p.n + column + bq : p.b,
               b_valid, p.n % 4 == 0);
  }
  kernels::cuda::copy_async_commit();
}

/// sum += slice of A times slice of B; the thread's rows are 8 neighbours, its columns 4 and 4.
__device__ inline void multiply(const Slice& slice, float (&sum)[8][8]) {
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
#pragma unroll
  for (int k = 0; k < kDepth; ++k) {
    const float4 low = *reinterpret_cast<const float4*>(&slice.b[k][4 * tx]);
    const float4 high = *reinterpret_cast<const float4*>(&slice.b[k][64 + 4 * tx]);
    const float b[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float a = slice.a[8 * ty + i][k];
#pragma unroll
      for (int j = 0; j < 8; ++j) sum[i][j] += a * b[j];
    }
  }
}

__device__ inline void store(const Product& p, int row, int column, float (&sum)[8][8]) {
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const int r = row + 8 * ty + i;
    if (r >= p.m) return;
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      const int q = column + (j < 4 ? 4 * tx + j : 60 + 4 * tx + j);
      if (q < p.n) p.c[static_cast<std::int64_t>(r) * p.n + q] = sum[i][j];
    }
  }
}

template <int kBuffers>
__global__ void __launch_bounds__(kThreads, 2) tiles_kernel(Product p) {
  extern __shared__ __align__(16) unsigned char shared[];
  Slice* const slices = reinterpret_cast<Slice*>(shared);
  const int row = static_cast<int>(blockIdx.y) * kTile,
            column = static_cast<int>(blockIdx.x) * kTile;
  const int steps = (p.k + kDepth - 1) / kDepth;
  float sum[8][8] = {};
  for (int step = 0; step < kBuffers - 1; ++step) {
    if (step < steps) {
      fetch(p, slices[step], row, column, step);
    } else {
      kernels::cuda::copy_async_commit();  // empty groups keep the count
    }
  }
  for (int step = 0; step < steps; ++step) {
    const int next = step + kBuffers - 1;
    if (next < steps) {
      fetch(p, slices[next % kBuffers], row, column, next);
    } else {
      kernels::cuda::copy_async_commit();
    }
    kernels::cuda::copy_async_wait<kBuffers - 1>();  // slice `step` is here, later ones may not be
    __syncthreads();
    multiply(slices[step % kBuffers], sum);
    __syncthreads();  // all have read it: the next round overwrites it
  }
  store(p, row, column, sum);
}

template <int kBuffers>
std::unique_ptr<bench::Plan> plan_tiles(const bench::Params& params) {
  constexpr int kShared = kBuffers * static_cast<int>(sizeof(Slice));
  const auto kernel = tiles_kernel<kBuffers>;
  AISP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared));
  return bench::plan_of([params, kernel](const bench::Io& io) {
    const Product p = product_of(params, io);
    const dim3 grid(static_cast<unsigned>((p.n + kTile - 1) / kTile),
                    static_cast<unsigned>((p.m + kTile - 1) / kTile));
    kernel<<<grid, kThreads, kShared, io.stream()>>>(p);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch10::double_buffered_pipeline
