// The kernel as others call it, on every core where that pays. One core cannot draw all of the
// memory bandwidth; in cache the fork and join (about 1 us) is the price.
#include <memory>

#include "labs/ch05_storage/vectorization/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch05::vectorization {

bench::Technique simd_threads() {
  return {.name = "simd_threads",
          .summary = "the widest SIMD kernel on as many cores as pay",
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.cores >= 2 ? "" : "needs 2 cores";
          },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of(
                    [pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                      io.out<float>(0)[0] =
                          static_cast<float>(kernels::reduce::sum(io.in<float>(0), *pool));
                    });
              }};
}

}  // namespace aisp::labs::ch05::vectorization
