// kernels/gemm on one thread: a register tile of the widest vectors, blocks packed where that pays.
#include "kernels/gemm/gemm.h"
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {

bench::Technique tiled_simd() {
  return {.name = "tiled_simd",
          .summary = "register tiles of the widest vectors, packed blocks, one thread",
          .plan = [](const bench::Params& p) {
            kernels::gemm::GemmPlan plan({p["M"], p["N"], p["K"]}, {.threads = 1});
            return bench::plan_of([plan = std::move(plan)](const bench::Io& io) mutable {
              plan.run(io.in<float>(kA).data(), io.in<float>(kB).data(), io.out<float>(kC).data());
            });
          }};
}

}  // namespace aisp::labs::ch07::matmul_tiled
