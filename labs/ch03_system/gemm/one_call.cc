// The whole product in one call: one choice of blocks, one fork, C written once.
#include "labs/ch03_system/gemm/problem.h"

namespace aisp::labs::ch03::gemm {

bench::Technique one_call() {
  return {.name = "one_call",
          .summary = "the whole product in one call on every core",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            kernels::gemm::GemmPlan call({p["M"], p["N"], p["K"]}, {.threads = 0});
            return bench::matmul::plan_with(
                p,
                [call = std::move(call)](std::int64_t, std::int64_t, std::int64_t, const float* a,
                                         const float* b, float* c) mutable { call.run(a, b, c); });
          }};
}

}  // namespace aisp::labs::ch03::gemm
