// The tile of the GPU's transpose, on a CPU: read a block by rows, write it into scratch turned,
// copy scratch rows out. Both ends are sequential; the strided walk happens in scratch only, where
// the leading dimension is ours to choose. `tile` and `padded_tile` differ in that number alone.
// Source: Ruetsch and Micikevicius, "Optimizing Matrix Transpose in CUDA" (NVIDIA, 2009).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "labs/ch07_memory_access/transpose/problem.h"

namespace aisp::labs::ch07::transpose {

// Half a KiB per tile row: long enough for the prefetchers on both ends.
inline constexpr std::int64_t kTile = 128;

/// scratch: kTile * leading floats, leading >= kTile.
template <std::int64_t leading>
void transpose_by_tiles(const float* in, float* out, const Shape& shape, float* scratch) {
  const auto [rows, cols] = shape;
  for (std::int64_t i0 = 0; i0 < rows; i0 += kTile) {
    const std::int64_t height = std::min(kTile, rows - i0);
    for (std::int64_t j0 = 0; j0 < cols; j0 += kTile) {
      const std::int64_t width = std::min(kTile, cols - j0);
      for (std::int64_t i = 0; i < height; ++i) {
        const float* from = in + (i0 + i) * cols + j0;
        for (std::int64_t j = 0; j < width; ++j) scratch[j * leading + i] = from[j];
      }
      for (std::int64_t j = 0; j < width; ++j) {
        std::memcpy(out + (j0 + j) * rows + i0, scratch + j * leading,
                    static_cast<std::size_t>(height) * sizeof(float));
      }
    }
  }
}

template <std::int64_t leading>
std::unique_ptr<bench::Plan> plan_tiles(const bench::Params& params) {
  return bench::plan_of([shape = shape_of(params), scratch = std::vector<float>(kTile * leading)](
                            const bench::Io& io) mutable {
    transpose_by_tiles<leading>(io.in<float>(0).data(), io.out<float>(0).data(), shape,
                                scratch.data());
  });
}

}  // namespace aisp::labs::ch07::transpose
