// The baseline: the loop that everybody writes. g++ -O3 makes it four lanes wide (SSE2, NEON), with
// a check at run time that the arrays do not overlap: a float4 addition.
// Source: the same loop is ggml's ggml_vec_add_f32 in its plain form.
#include "labs/ch06_cuda_fundamentals/add/problem.h"

namespace aisp::labs::ch06::add {

void add_plain(const Arrays& arrays, bool) {
  const float* x = arrays.x;
  const float* y = arrays.y;
  float* out = arrays.out;
  for (std::size_t i = 0; i < arrays.count; ++i) out[i] = x[i] + y[i];
}

bench::Technique plain_loop() {
  return {.name = "plain_loop",
          .summary = "one loop, four elements at a time by the compiler",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) { add_plain(arrays_of(io), false); });
          }};
}

}  // namespace aisp::labs::ch06::add
