// For .cu files: the loop that all techniques share. A warp takes four rows, so that a value of x
// serves four weights; a lane loads 16 bytes (32 weights) of each. x waits in shared memory, pack
// by pack in eight arrays, so that the 16-byte reads of 32 lanes are neighbours: read from where it
// lies they are 128 bytes apart, 32 lines a load, and that alone took 135 us where
// memory takes 57 (tried).
// `Decode` says how 16 bytes are loaded and how the 8 weights of a word are multiplied.
#pragma once

#include <algorithm>
#include <memory>

#include "labs/ch09_fusion/inline_ptx/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch09::inline_ptx {

constexpr int kWarps = 8, kRows = 4;

template <class Decode>
__global__ void __launch_bounds__(32 * kWarps)
    multiply(const std::uint8_t* __restrict__ q, const float* __restrict__ scale,
             const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
             std::int64_t k) {
  extern __shared__ float4 x_here[];  // [8][packs]
  const int lane = threadIdx.x % 32, packs = static_cast<int>(k / 32);
  for (int i = threadIdx.x; i < 8 * packs; i += 32 * kWarps) {
    float4 four = reinterpret_cast<const float4*>(x)[i];
    Decode::prepare(four);
    x_here[i % 8 * packs + i / 8] = four;
  }
  __syncthreads();
  const std::int64_t step = std::int64_t{gridDim.x} * kWarps * kRows;
  std::int64_t first = (std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32) * kRows;
  for (; first < rows; first += step) {
    float sum[kRows] = {};
    for (int at = lane; at < packs; at += 32) {
      uint4 words[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const std::int64_t row = first + r < rows ? first + r : rows - 1;
        words[r] = Decode::load(reinterpret_cast<const uint4*>(q + row * (k / 2)) + at);
      }
#pragma unroll
      for (int word = 0; word < 4; ++word) {
        float of_x[8];
        *reinterpret_cast<float4*>(of_x) = x_here[2 * word * packs + at];
        *reinterpret_cast<float4*>(of_x + 4) = x_here[(2 * word + 1) * packs + at];
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
          const std::uint32_t bits = word == 0   ? words[r].x
                                     : word == 1 ? words[r].y
                                     : word == 2 ? words[r].z
                                                 : words[r].w;
          sum[r] = Decode::add(sum[r], bits, of_x);
        }
      }
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      for (int mask = 16; mask > 0; mask /= 2) sum[r] += __shfl_xor_sync(~0u, sum[r], mask);
      if (lane == 0 && first + r < rows) y[first + r] = sum[r] * scale[first + r];
    }
  }
}

template <class Decode>
std::unique_ptr<bench::Plan> plan_rows(const bench::Params& p) {
  const std::int64_t rows = p["rows"], k = p["k"];
  const auto shared = static_cast<int>(k * sizeof(float));
  AISP_CUDA(
      cudaFuncSetAttribute(multiply<Decode>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
  int each = 0;  // blocks on a multiprocessor
  AISP_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, multiply<Decode>, 32 * kWarps,
                                                          static_cast<std::size_t>(shared)));
  const std::int64_t groups = (rows + kWarps * kRows - 1) / (kWarps * kRows);
  const auto blocks = static_cast<unsigned>(
      std::min<std::int64_t>(groups, std::int64_t{machine::cuda_device().multiprocessors} * each));
  return bench::plan_of([=](const bench::Io& io) {
    multiply<Decode><<<blocks, 32 * kWarps, shared, io.stream()>>>(
        io.in<std::uint8_t>(kQ).data(), io.in<float>(kScale).data(), io.in<float>(kX).data(),
        io.out<float>(0).data(), rows, k);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::inline_ptx
