// For .cu files: the loop that all techniques share. A warp takes four rows, so that a value of x
// serves four weights; a lane loads 16 bytes (32 weights) of each and 32 values of x.
// `Decode` says how 16 bytes are loaded and how the 8 weights of a word are multiplied.
#pragma once

#include <memory>

#include "labs/ch09_fusion/inline_ptx/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch09::inline_ptx {

constexpr int kWarps = 4, kRows = 4;

template <class Decode>
__global__ void __launch_bounds__(32 * kWarps)
    multiply(const std::uint8_t* __restrict__ q, const float* __restrict__ scale,
             const float* __restrict__ x, float* __restrict__ y, std::int64_t rows,
             std::int64_t k) {
  const int lane = threadIdx.x % 32;
  const std::int64_t first = (std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32) * kRows;
  if (first >= rows) return;
  const std::int64_t packs = k / 32;
  float sum[kRows] = {};
  for (std::int64_t at = lane; at < packs; at += 32) {
    uint4 words[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const std::int64_t row = first + r < rows ? first + r : rows - 1;
      words[r] = Decode::load(reinterpret_cast<const uint4*>(q + row * (k / 2)) + at);
    }
    const float4* values = reinterpret_cast<const float4*>(x + at * 32);
#pragma unroll
    for (int word = 0; word < 4; ++word) {
      float of_x[8];
      *reinterpret_cast<float4*>(of_x) = values[2 * word];
      *reinterpret_cast<float4*>(of_x + 4) = values[2 * word + 1];
      Decode::prepare(of_x);
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

template <class Decode>
std::unique_ptr<bench::Plan> plan_rows(const bench::Params& p) {
  const std::int64_t rows = p["rows"], k = p["k"];
  const auto blocks = static_cast<unsigned>((rows + kWarps * kRows - 1) / (kWarps * kRows));
  return bench::plan_of([=](const bench::Io& io) {
    multiply<Decode><<<blocks, 32 * kWarps, 0, io.stream()>>>(
        io.in<std::uint8_t>(kQ).data(), io.in<float>(kScale).data(), io.in<float>(kX).data(),
        io.out<float>(0).data(), rows, k);
    AISP_CUDA(cudaGetLastError());
  });
}

}  // namespace aisp::labs::ch09::inline_ptx
