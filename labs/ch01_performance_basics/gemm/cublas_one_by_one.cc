// The device baseline: a loop over heads with a call of cuBLAS inside, a launch for each product.
#include "bench/device_technique.h"
#include "labs/ch01_performance_basics/gemm/problem.h"
#include "machine/device_blas.h"

namespace aisp::labs::ch01::gemm {

bench::Technique cublas_one_by_one() {
  return bench::on_gpu(
      "cublas_one_by_one", "a call of cuBLAS for each matrix",
      [](const bench::Params& p) {
        auto blas = std::make_shared<machine::DeviceBlas>(machine::BlasMath::kF32);
        return bench::plan_of([blas, s = Sizes(p)](const bench::Io& io) {
          for (std::int64_t h = 0; h < s.heads; ++h) {
            const auto at = s.at(io, h);
            blas->gemm(io.stream(), {s.T, s.D, s.T}, at.a, at.b, at.c);
          }
        });
      },
      [](const machine::CudaDevice&) { return machine::DeviceBlas::why_not(); });
}

}  // namespace aisp::labs::ch01::gemm
