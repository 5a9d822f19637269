// kernels/gemm as built for any x86-64 (or any ARM): 4-wide vectors and, on x86-64, no fused
// multiply-add. What a program gets whose library was built for every processor and asks no
// question at run time: Eigen without -march, and for years the TensorFlow wheels, whose start-up
// message named the instructions left unused.
#include "labs/ch02_hardware/cublas/problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique tiles_portable() {
  return {.name = "tiles_portable",
          .summary = "register tiles and packing with 4-wide vectors, one thread",
          .plan = [](const bench::Params& p) { return plan_gemm(p, "portable", 1); }};
}

}  // namespace aisp::labs::ch02::cublas
