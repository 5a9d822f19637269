// The tile and what is computed from it, for every technique.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "labs/ch10_pipelines/tma_2d_pipeline/problem.h"
#include "machine/cuda_raii.h"

namespace aisp::labs::ch10::tma_2d_pipeline {

inline constexpr int kRows = 32, kCols = 128, kThreads = 256;
inline constexpr int kBorder =
    4;  // columns on each side: one is used, boxes are multiples of 16 bytes
inline constexpr int kBoxRows = kRows + 2, kBoxCols = kCols + 2 * kBorder;

struct Image {
  const float* x = nullptr;
  const float* w = nullptr;
  float* y = nullptr;
  int rows = 0, cols = 0;
  __host__ __device__ int tiles_across() const { return (cols + kCols - 1) / kCols; }
  __host__ __device__ int tiles() const { return (rows + kRows - 1) / kRows * tiles_across(); }
};

inline Image image_of(const bench::Params& params, const bench::Io& io) {
  return {io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(),
          static_cast<int>(params["rows"]), static_cast<int>(params["cols"])};
}

/// Element (0, 0) of the box is (row - 1, col - kBorder) of the image.
using Box = float[kBoxRows][kBoxCols];

/// A thread has 4 neighbouring columns of 4 neighbouring rows.
__device__ inline void filter(const Image& image, const Box& box, const float (&w)[9], int row,
                              int col) {
  const int c = 4 * (threadIdx.x % 32), r = 4 * (threadIdx.x / 32);
  float sum[4][4] = {};
#pragma unroll
  for (int i = 0; i < 6; ++i) {
    const float* at = &box[r + i][c + kBorder];
    const float4 middle = *reinterpret_cast<const float4*>(at);
    const float x[6] = {at[-1], middle.x, middle.y, middle.z, middle.w, at[4]};
#pragma unroll
    for (int k = 0; k < 3; ++k) {  // this row is row k of the filter for output row i - k
      if (i - k < 0 || i - k > 3) continue;
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        sum[i - k][j] += w[3 * k] * x[j] + w[3 * k + 1] * x[j + 1] + w[3 * k + 2] * x[j + 2];
      }
    }
  }
  if (col + c >= image.cols) return;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (row + r + i >= image.rows) return;
    *reinterpret_cast<float4*>(
        &image.y[static_cast<std::int64_t>(row + r + i) * image.cols + col + c]) = {
        sum[i][0], sum[i][1], sum[i][2], sum[i][3]};
  }
}

__device__ inline void load_filter(const Image& image, float (&w)[9]) {
#pragma unroll
  for (int i = 0; i < 9; ++i) w[i] = image.w[i];
}

}  // namespace aisp::labs::ch10::tma_2d_pipeline
