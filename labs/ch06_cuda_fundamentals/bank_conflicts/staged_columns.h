// Column walks over a copy: blocks of 64 rows x 64 columns are copied into scratch, walked there
// column by column, and added to the sums. `conflicting_copy` and `padded_copy` differ in the
// leading dimension of the scratch alone; both copies are inside the clock.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "labs/ch06_cuda_fundamentals/bank_conflicts/problem.h"

namespace aisp::labs::ch06::bank_conflicts {

// 64 columns are 4 lines of each row; 64 rows of them are 16 KiB, half of L1.
inline constexpr std::int64_t kBlock = 64;

/// scratch: kBlock * leading floats.
template <std::int64_t leading>
void sum_by_blocks(const float* in, float* out, const Shape& shape, float* scratch) {
  for (std::int64_t j0 = 0; j0 < shape.cols; j0 += kBlock) {
    const std::int64_t width = std::min(kBlock, shape.cols - j0);
    float sums[kBlock] = {};
    for (std::int64_t i0 = 0; i0 < shape.rows; i0 += kBlock) {
      const std::int64_t height = std::min(kBlock, shape.rows - i0);
      for (std::int64_t i = 0; i < height; ++i) {
        std::memcpy(scratch + i * leading, in + (i0 + i) * shape.cols + j0,
                    static_cast<std::size_t>(width) * sizeof(float));
      }
      for (std::int64_t j = 0; j < width; ++j) {
        float sum = sums[j];
        for (std::int64_t i = 0; i < height; ++i) sum += scratch[i * leading + j];
        sums[j] = sum;
      }
    }
    std::copy_n(sums, width, out + j0);
  }
}

template <std::int64_t leading>
std::unique_ptr<bench::Plan> plan_blocks(const bench::Params& params) {
  return bench::plan_of([shape = shape_of(params), scratch = std::vector<float>(kBlock * leading)](
                            const bench::Io& io) mutable {
    sum_by_blocks<leading>(io.in<float>(0).data(), io.out<float>(0).data(), shape, scratch.data());
  });
}

}  // namespace aisp::labs::ch06::bank_conflicts
