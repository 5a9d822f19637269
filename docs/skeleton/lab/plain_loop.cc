// The baseline: the loop that everybody writes. The compiler vectorises it with SSE2, the
// instructions that every x86-64 processor has.
// Source: llm.c, train_gpt2.c, residual_forward(), which is this loop with alpha = 1.
#include "docs/skeleton/lab/problem.h"

namespace aisp::skeleton::lab {
namespace {

void add(const float* x, const float* y, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = x[i] + kAlpha * y[i];
}

}  // namespace

bench::Technique plain_loop() {
  return {.name = "plain_loop",
          .summary = "one loop, four elements at a time (SSE2)",
          .plan = [](const bench::Params& params) {
            return bench::plan_of([n = params["n"]](const bench::Io& io) {
              add(io.in<float>(0).data(), io.in<float>(1).data(), io.out<float>(0).data(), n);
            });
          }};
}

}  // namespace aisp::skeleton::lab
