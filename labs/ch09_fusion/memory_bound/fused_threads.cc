// kernels/norm with rows dealt to all cores.
#include "machine/thread_pool.h"

#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

bench::Technique fused_threads() {
  return {.name = "fused_threads",
          .summary = "each row once from memory, the widest SIMD, rows on every core",
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.cores >= 2 ? "" : "needs 2 cores";
          },
          .plan =
              [](const bench::Params& params) {
                return bench::plan_of(
                    [params, pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                      kernels::norm::normalize(kernels::norm::Kind::kLayer, rows_of(params, io),
                                               pool.get());
                    });
              }};
}

}  // namespace aisp::labs::ch09::memory_bound
