// The same library with AVX2: 8-wide vectors and fused multiply-add: four times the arithmetic of a
// cycle.
#include "labs/ch02_hardware/cublas/problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique tiles_avx2() {
  return {.name = "tiles_avx2",
          .summary = "the same with 8-wide vectors and fused multiply-add, one thread",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx2 ? "" : "needs AVX2";
          },
          .plan = [](const bench::Params& p) { return plan_gemm(p, "avx2", 1); }};
}

}  // namespace aisp::labs::ch02::cublas
