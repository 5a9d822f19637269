// The three passes, 4-wide on any machine. The square root is written as a vector where the
// instruction exists: left to g++ -O3, errno for negative numbers keeps it scalar.
#include "labs/ch12_graphs/kernel_fusion/problem.h"

namespace aisp::labs::ch12::kernel_fusion {

void add_pass(const float* from, float* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i] + kEpsilon;
}

void multiply_pass(const float* from, float* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[i] * kCorrection;
}

void sqrt_pass(const float* from, float* to, std::int64_t n) {
  std::int64_t i = 0;
#if AISP_X86
  for (; i + 4 <= n; i += 4) _mm_storeu_ps(to + i, _mm_sqrt_ps(_mm_loadu_ps(from + i)));
#endif
  for (; i < n; ++i) to[i] = std::sqrt(from[i]);
}

std::unique_ptr<bench::Plan> plan_pass(const bench::Params& params, Kernel kernel) {
  return bench::plan_of([kernel, n = params["n"]](const bench::Io& io) {
    kernel(io.in<float>(0).data(), io.out<float>(0).data(), n);
  });
}

}  // namespace aisp::labs::ch12::kernel_fusion
