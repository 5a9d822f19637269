// The definition as a program: one dot product for each element of C, B read down its columns.
// What a first course, and many a hand-written layer, ships.
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {
namespace {

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
              float* c) {
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      float sum = 0.0f;
      for (std::int64_t p = 0; p < k; ++p) sum += a[i * k + p] * b[p * n + j];
      c[i * n + j] = sum;
    }
  }
}

}  // namespace

bench::Technique triple_loop() {
  return {.name = "triple_loop",
          .summary = "i, j, k: a dot product for each element, B read down its columns",
          .plan = [](const bench::Params& p) {
            return bench::plan_of([m = p["M"], n = p["N"], k = p["K"]](const bench::Io& io) {
              multiply(m, n, k, io.in<float>(kA).data(), io.in<float>(kB).data(),
                       io.out<float>(kC).data());
            });
          }};
}

}  // namespace aisp::labs::ch07::matmul_tiled
