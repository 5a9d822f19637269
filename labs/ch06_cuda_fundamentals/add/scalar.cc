// One element at a time on one thread. The compiler would use four lanes, so each sum passes
// through a register that it may not look into: the counterpart of a GPU kernel started with one
// thread that loops.
#include "labs/ch06_cuda_fundamentals/add/problem.h"

namespace aisp::labs::ch06::add {

bench::Technique scalar() {
  return {.name = "scalar",
          .summary = "one element at a time, vectorising prevented",
          .plan = [](const bench::Params&) {
            return bench::plan_of([](const bench::Io& io) {
              const Arrays a = arrays_of(io);
              for (std::size_t i = 0; i < a.count; ++i) {
                float sum = a.x[i] + a.y[i];
#if defined(__x86_64__)
                asm volatile("" : "+x"(sum));
#elif defined(__aarch64__)
                asm volatile("" : "+w"(sum));
#endif
                a.out[i] = sum;
              }
            });
          }};
}

}  // namespace aisp::labs::ch06::add
