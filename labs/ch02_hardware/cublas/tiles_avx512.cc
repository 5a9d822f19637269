// The same library with AVX-512: 16-wide vectors, 32 registers: tiles of 14 x 32 instead of 6 x 16.
#include "labs/ch02_hardware/cublas/problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique tiles_avx512() {
  return {.name = "tiles_avx512",
          .summary = "the same with 16-wide vectors and fused multiply-add, one thread",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx512 ? "" : "needs AVX-512";
          },
          .plan = [](const bench::Params& p) { return plan_gemm(p, "avx512", 1); }};
}

}  // namespace aisp::labs::ch02::cublas
