// Blocks of B small enough for L2 are used by every row of A before the next block is read, in
// plain C++. Source: Lam, Rothberg and Wolf, "The Cache Performance and Optimizations of Blocked
// Algorithms", ASPLOS 1991.
#include <algorithm>

#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {
namespace {

// 64 x 512 floats of B are 128 KiB: half of the smallest L2 in use (256 KiB), and rows of 2 KiB are
// long enough for the vector loop. Four rows of C (8 KiB) stay in L1 beside the row of B.
constexpr std::int64_t kBlockK = 64;
constexpr std::int64_t kBlockN = 512;

/// Four rows of C at once, so that each load of B serves four multiplications.
void four_rows(std::int64_t columns, std::int64_t depth, const float* a, std::int64_t k,
               const float* b, std::int64_t n, float* __restrict c) {
  for (std::int64_t p = 0; p < depth; ++p) {
    const float a0 = a[p], a1 = a[k + p], a2 = a[2 * k + p], a3 = a[3 * k + p];
    const float* b_row = b + p * n;  // [columns]
    for (std::int64_t j = 0; j < columns; ++j) {
      c[j] += a0 * b_row[j];
      c[n + j] += a1 * b_row[j];
      c[2 * n + j] += a2 * b_row[j];
      c[3 * n + j] += a3 * b_row[j];
    }
  }
}

void one_row(std::int64_t columns, std::int64_t depth, const float* a, const float* b,
             std::int64_t n, float* __restrict c) {
  for (std::int64_t p = 0; p < depth; ++p) {
    const float value = a[p];
    const float* b_row = b + p * n;  // [columns]
    for (std::int64_t j = 0; j < columns; ++j) c[j] += value * b_row[j];
  }
}

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
              float* c) {
  std::fill_n(c, m * n, 0.0f);
  for (std::int64_t p = 0; p < k; p += kBlockK) {
    const std::int64_t depth = std::min(kBlockK, k - p);
    for (std::int64_t j = 0; j < n; j += kBlockN) {
      const std::int64_t columns = std::min(kBlockN, n - j);
      const float* block = b + p * n + j;  // [depth, columns]
      std::int64_t i = 0;
      for (; i + 4 <= m; i += 4) {
        four_rows(columns, depth, a + i * k + p, k, block, n, c + i * n + j);
      }
      for (; i < m; ++i) one_row(columns, depth, a + i * k + p, block, n, c + i * n + j);
    }
  }
}

}  // namespace

bench::Technique cache_blocked() {
  return {.name = "cache_blocked",
          .summary = "blocks of B of 128 KiB stay in L2, four rows of C share each load",
          .plan = [](const bench::Params& p) {
            return bench::plan_of([m = p["M"], n = p["N"], k = p["K"]](const bench::Io& io) {
              multiply(m, n, k, io.in<float>(kA).data(), io.in<float>(kB).data(),
                       io.out<float>(kC).data());
            });
          }};
}

}  // namespace aisp::labs::ch07::matmul_tiled
