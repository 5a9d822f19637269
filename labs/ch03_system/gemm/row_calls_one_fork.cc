// The calls of row_calls on one thread each, dealt out by one fork: what the forks cost apart from
// what the small calls cost.
#include <vector>

#include "labs/ch03_system/gemm/problem.h"

namespace aisp::labs::ch03::gemm {

using kernels::gemm::Shape;

bench::Technique row_calls_one_fork() {
  return {.name = "row_calls_one_fork",
          .summary = "one call for each 16 rows on one thread, the calls shared out by one fork",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            auto pool = std::make_unique<machine::ThreadPool>();
            std::vector<kernels::gemm::GemmPlan> calls;  // one for each worker
            while (std::ssize(calls) < pool->size())
              calls.emplace_back(Shape{kRows, p["N"], p["K"]});
            return bench::matmul::plan_with(
                p, [pool = std::move(pool), calls = std::move(calls)](
                       std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                       const float* b, float* c) mutable {
                  const std::int64_t blocks = (m + kRows - 1) / kRows;
                  pool->run([&](int worker) {
                    const std::int64_t last = blocks * (worker + 1) / pool->size();
                    for (std::int64_t i = blocks * worker / pool->size(); i < last; ++i) {
                      const std::int64_t row = i * kRows;
                      calls[static_cast<std::size_t>(worker)].run_rows(std::min(kRows, m - row),
                                                                       a + row * k, b, c + row * n);
                    }
                  });
                });
          }};
}

}  // namespace aisp::labs::ch03::gemm
