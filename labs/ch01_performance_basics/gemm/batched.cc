// One call with arrays of pointers: blocking is chosen once, threads fork once and take whole
// products, so that nothing is shared while they work.
// Source: the interface of cublasSgemmBatched and cblas_sgemm_batch.
#include <vector>

#include "labs/ch01_performance_basics/gemm/problem.h"

namespace aisp::labs::ch01::gemm {

bench::Technique batched() {
  return {.name = "batched",
          .summary = "one call with an array of pointers, each thread takes whole products",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            const Sizes s(p);
            kernels::gemm::GemmPlan plan({s.T, s.D, s.T}, {.threads = 0, .batch = s.heads});
            std::vector<kernels::gemm::Operands> list(static_cast<std::size_t>(s.heads));
            return bench::plan_of(
                [s, plan = std::move(plan), list = std::move(list)](const bench::Io& io) mutable {
                  for (std::int64_t h = 0; h < s.heads; ++h) {
                    list[static_cast<std::size_t>(h)] = s.at(io, h);
                  }
                  plan.run_batch(list);
                });
          }};
}

}  // namespace aisp::labs::ch01::gemm
