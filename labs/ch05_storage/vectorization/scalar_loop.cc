// What everybody writes. IEEE addition does not associate, so without -ffast-math the compiler must
// keep the order: each addition waits for the one before it (3 or 4 cycles), and no SIMD is
// possible.
#include "labs/ch05_storage/vectorization/problem.h"

namespace aisp::labs::ch05::vectorization {

bench::Technique scalar_loop() {
  return {.name = "scalar_loop",
          .summary = "sum += x[i]: one chain of dependent additions",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              float sum = 0.0f;
              for (const float value : io.in<float>(0)) sum += value;
              io.out<float>(0)[0] = sum;
            });
          }};
}

}  // namespace aisp::labs::ch05::vectorization
