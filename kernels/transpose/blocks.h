// Blocks of one cache line (16 floats) on a side with plain loops: the portable variant, and the
// edges of the others. A block touches 16 + 16 lines and uses each of them whole before it leaves
// L1, so even 16 lines that fall into one set of 8 ways cost only L2 hits.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/transpose/transpose.h"

namespace aisp::kernels::transpose {

// One line. With a 4096 x 1024 matrix blocks of 32 took 2.1 to 2.7 times as long as blocks of 16:
// 32 lines at a stride of 16 KiB share one set of L1.
inline constexpr std::int64_t kBlock = 16;

/// Half-open ranges of the input's rows and columns.
struct Part {
  std::int64_t first_row = 0;
  std::int64_t last_row = 0;
  std::int64_t first_col = 0;
  std::int64_t last_col = 0;
};

inline void turn_blocks(const Request& request, const Part& part) {
  const auto [in_stride, out_stride] = request.strides;
  for (std::int64_t i0 = part.first_row; i0 < part.last_row; i0 += kBlock) {
    const std::int64_t height = std::min(kBlock, part.last_row - i0);
    for (std::int64_t j0 = part.first_col; j0 < part.last_col; j0 += kBlock) {
      const std::int64_t width = std::min(kBlock, part.last_col - j0);
      const float* from = request.in + i0 * in_stride + j0;
      float* to = request.out + j0 * out_stride + i0;
      for (std::int64_t j = 0; j < width; ++j) {
        for (std::int64_t i = 0; i < height; ++i) to[j * out_stride + i] = from[i * in_stride + j];
      }
    }
  }
}

/// Every row of the output starts on a line.
inline bool rows_start_on_lines(const Request& request) {
  return reinterpret_cast<std::uintptr_t>(request.out) % 64 == 0 && request.strides.out % 16 == 0;
}

}  // namespace aisp::kernels::transpose
