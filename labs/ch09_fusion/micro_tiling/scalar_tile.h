// A tile of kRows x kColumns elements of C in local variables, in plain C++: every load of A serves
// kColumns multiplications and every load of B serves kRows. Edges of C take smaller tiles.
#pragma once

#include "labs/ch09_fusion/micro_tiling/problem.h"

namespace aisp::labs::ch09::micro_tiling {

template <int kRows, int kColumns>
inline void scalar_tile(const Product& at, std::int64_t i, std::int64_t j) {
  float sums[kRows][kColumns] = {};
  const float* a = at.a + i * at.k;
  const float* b = at.b + j;
  for (std::int64_t p = 0; p < at.k; ++p) {
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kColumns; ++v) sums[r][v] += a[r * at.k + p] * b[p * at.n + v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kColumns; ++v) at.c[(i + r) * at.n + j + v] = sums[r][v];
  }
}

template <int kRows, int kColumns>
void scalar_tiles(const Product& at) {
  std::int64_t i = 0;
  for (; i + kRows <= at.m; i += kRows) {
    std::int64_t j = 0;
    for (; j + kColumns <= at.n; j += kColumns) scalar_tile<kRows, kColumns>(at, i, j);
    for (; j < at.n; ++j) scalar_tile<kRows, 1>(at, i, j);
  }
  for (; i < at.m; ++i) {
    std::int64_t j = 0;
    for (; j + kColumns <= at.n; j += kColumns) scalar_tile<1, kColumns>(at, i, j);
    for (; j < at.n; ++j) scalar_tile<1, 1>(at, i, j);
  }
}

}  // namespace aisp::labs::ch09::micro_tiling
