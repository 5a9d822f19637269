// One library call for each 16 rows of A, threads inside the call: a server that runs a layer for
// each of its requests in turn. No temporary and no second pass over C, but B is read again by
// every call, and every call forks and joins.
#include "labs/ch03_system/gemm/problem.h"

namespace aisp::labs::ch03::gemm {

bench::Technique row_calls() {
  return {.name = "row_calls",
          .summary = "one call for each 16 rows, threads forked inside each call",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            auto pool = std::make_unique<machine::ThreadPool>();
            kernels::gemm::GemmPlan call({kRows, p["N"], p["K"]},
                                         {.threads = pool->size(), .pool = pool.get()});
            return bench::matmul::plan_with(
                p, [pool = std::move(pool), call = std::move(call)](
                       std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                       const float* b, float* c) mutable {
                  for (std::int64_t row = 0; row < m; row += kRows) {
                    call.run_rows(std::min(kRows, m - row), a + row * k, b, c + row * n);
                  }
                });
          }};
}

}  // namespace aisp::labs::ch03::gemm
