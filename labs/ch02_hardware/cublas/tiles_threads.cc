// The widest variant on every core: cells of C handed out, each thread packs for itself.
#include "labs/ch02_hardware/cublas/problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique tiles_threads() {
  return {.name = "tiles_threads",
          .summary = "the widest vectors of this machine on every core",
          .threads = 0,
          .plan = [](const bench::Params& p) { return plan_gemm(p, "", 0); }};
}

}  // namespace aisp::labs::ch02::cublas
