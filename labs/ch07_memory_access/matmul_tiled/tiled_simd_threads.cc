// kernels/gemm on every core: B packed once for all, blocks of C handed out as threads get free.
#include "kernels/gemm/gemm.h"
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {

bench::Technique tiled_simd_threads() {
  return {.name = "tiled_simd_threads",
          .summary = "the same tiles, blocks of C shared by every core",
          .threads = 0,
          .plan = [](const bench::Params& p) {
            kernels::gemm::GemmPlan plan({p["M"], p["N"], p["K"]}, {.threads = 0});
            return bench::plan_of([plan = std::move(plan)](const bench::Io& io) mutable {
              plan.run(io.in<float>(kA).data(), io.in<float>(kB).data(), io.out<float>(kC).data());
            });
          }};
}

}  // namespace aisp::labs::ch07::matmul_tiled
