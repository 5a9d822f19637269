// One call for all products, which lie at regular distances. Query heads that share a V are stacked
// into one product of group * T rows, as `strided` does on the CPU.
// Source: cuBLAS, cublasSgemmStridedBatched.
#include "bench/device_technique.h"
#include "labs/ch01_performance_basics/gemm/problem.h"
#include "machine/device_blas.h"

namespace aisp::labs::ch01::gemm {

bench::Technique cublas_strided() {
  return bench::on_gpu(
      "cublas_strided", "one call on slabs, heads that share V stacked",
      [](const bench::Params& p) {
        auto blas = std::make_shared<machine::DeviceBlas>(machine::BlasMath::kF32);
        return bench::plan_of([blas, s = Sizes(p)](const bench::Io& io) {
          const auto at = s.at(io, 0);
          const std::int64_t rows = s.group * s.T;
          blas->gemm_strided(io.stream(), {rows, s.D, s.T}, at.a, rows * s.T, at.b, s.T * s.D, at.c,
                             rows * s.D, s.heads / s.group);
        });
      },
      [](const machine::CudaDevice&) { return machine::DeviceBlas::why_not(); });
}

}  // namespace aisp::labs::ch01::gemm
