// kernels/softmax with rows dealt to all cores in contiguous ranges.
#include "machine/thread_pool.h"

#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

bench::Technique online_threads() {
  return {.name = "online_threads",
          .summary = "online by blocks in the widest SIMD, rows on every core",
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.cores >= 2 ? "" : "needs 2 cores";
          },
          .plan =
              [](const bench::Params& params) {
                return bench::plan_of(
                    [params, pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                      kernels::softmax::softmax(rows_of(params, io), pool.get());
                    });
              }};
}

}  // namespace aisp::labs::ch09::online_softmax
