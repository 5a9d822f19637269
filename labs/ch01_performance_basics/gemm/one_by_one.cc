// What a loop over heads with a BLAS call inside does: each call looks at its shape, chooses its
// blocking, allocates its scratch, and forks and joins its threads when it is large enough. The
// threads themselves live on between calls, as in every library.
#include "labs/ch01_performance_basics/gemm/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch01::gemm {

bench::Technique one_by_one() {
  return {.name = "one_by_one",
          .summary = "one library-style call for each matrix, threads inside the call",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            auto pool = std::make_unique<machine::ThreadPool>();
            return bench::plan_of([s = Sizes(p), pool = std::move(pool)](const bench::Io& io) {
              for (std::int64_t h = 0; h < s.heads; ++h) {
                const auto at = s.at(io, h);
                kernels::gemm::GemmPlan call({s.T, s.D, s.T},
                                             {.threads = pool->size(), .pool = pool.get()});
                call.run(at.a, at.b, at.c);
              }
            });
          }};
}

}  // namespace aisp::labs::ch01::gemm
