// The two inner loops exchanged: rows of B and C are read along their memory, and the compiler
// turns the inner loop into vectors. One line moved; no blocking.
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {
namespace {

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
              float* __restrict c) {
  for (std::int64_t i = 0; i < m; ++i) {
    float* __restrict c_row = c + i * n;  // [n]
    for (std::int64_t j = 0; j < n; ++j) c_row[j] = 0.0f;
    for (std::int64_t p = 0; p < k; ++p) {
      const float value = a[i * k + p];
      const float* b_row = b + p * n;  // [n]
      for (std::int64_t j = 0; j < n; ++j) c_row[j] += value * b_row[j];
    }
  }
}

}  // namespace

bench::Technique loop_interchange() {
  return {.name = "loop_interchange",
          .summary = "i, k, j: rows of B and C are walked along memory",
          .plan = [](const bench::Params& p) {
            return bench::plan_of([m = p["M"], n = p["N"], k = p["K"]](const bench::Io& io) {
              multiply(m, n, k, io.in<float>(kA).data(), io.in<float>(kB).data(),
                       io.out<float>(kC).data());
            });
          }};
}

}  // namespace aisp::labs::ch07::matmul_tiled
