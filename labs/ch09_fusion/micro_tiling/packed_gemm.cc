// kernels/gemm on one thread: the same tile, with packing and cache blocks where it thinks that
// they pay. What it gains over the bare tile is what packing is worth at these sizes.
#include "kernels/gemm/gemm.h"

#include "labs/ch09_fusion/micro_tiling/problem.h"

namespace aisp::labs::ch09::micro_tiling {

bench::Technique packed_gemm() {
  return {.name = "packed_gemm",
          .summary = "kernels/gemm, one thread: the tile plus packing where that pays",
          .plan = [](const bench::Params& p) {
            kernels::gemm::GemmPlan plan({p["M"], p["N"], p["K"]}, {.threads = 1});
            return bench::matmul::plan_with(
                p,
                [plan = std::move(plan)](std::int64_t, std::int64_t, std::int64_t, const float* a,
                                         const float* b, float* c) mutable { plan.run(a, b, c); });
          }};
}

}  // namespace aisp::labs::ch09::micro_tiling
