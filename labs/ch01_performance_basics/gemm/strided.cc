// One call on contiguous slabs. The caller knows from the strides that the query heads of a group
// lie behind each other and share one V: they are one product with group * T rows, which reads V
// once. Source: the interface of cublasSgemmStridedBatched; grouped-query attention, Ainslie et al.
// (2023).
#include "labs/ch01_performance_basics/gemm/problem.h"

namespace aisp::labs::ch01::gemm {

bench::Technique strided() {
  return {.name = "strided",
          .summary = "one call on contiguous slabs, heads that share V stacked into one product",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            const Sizes s(p);
            const std::int64_t rows = s.group * s.T;
            const std::int64_t count = s.heads / s.group;
            kernels::gemm::GemmPlan plan({rows, s.D, s.T}, {.threads = 0, .batch = count});
            return bench::plan_of(
                [s, rows, count, plan = std::move(plan)](const bench::Io& io) mutable {
                  plan.run_strided({.first = s.at(io, 0),
                                    .count = count,
                                    .stride_a = rows * s.T,
                                    .stride_b = s.T * s.D,
                                    .stride_c = rows * s.D});
                });
          }};
}

}  // namespace aisp::labs::ch01::gemm
