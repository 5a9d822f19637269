// The programmer, not the compiler, reorders: 32 partial sums in an array. The inner loop has no
// dependence between its lanes, so the compiler maps it to whatever vectors the target has.
#include "labs/ch05_storage/vectorization/problem.h"

namespace aisp::labs::ch05::vectorization {
namespace {

// 32 floats are 8 SSE registers: 8 chains cover addition latency (3-4 cycles) at 2 additions a
// cycle, and fit the 16 registers of generic x86-64 and the 32 of NEON.
constexpr std::size_t kChains = 32;

float sum_multi_accumulator(const float* x, std::size_t n) {
  float partial[kChains] = {};
  std::size_t i = 0;
  for (; i + kChains <= n; i += kChains) {
    for (std::size_t j = 0; j < kChains; ++j) partial[j] += x[i + j];
  }
  for (std::size_t j = 0; i < n; ++i, ++j) partial[j] += x[i];
  for (std::size_t width = kChains / 2; width > 0; width /= 2) {
    for (std::size_t j = 0; j < width; ++j) partial[j] += partial[j + width];
  }
  return partial[0];
}

}  // namespace

bench::Technique multi_accumulator() {
  return {.name = "multi_accumulator",
          .summary = "32 partial sums in plain C++, vectorised by the compiler",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const auto x = io.in<float>(0);
              io.out<float>(0)[0] = sum_multi_accumulator(x.data(), x.size());
            });
          }};
}

}  // namespace aisp::labs::ch05::vectorization
