// The blocking follows from the shape and the sizes of the caches, by arithmetic:
// kernels/gemm/config.cc. Nothing is timed, and a test can ask about machines that are not there.
#include "kernels/gemm/variants.h"
#include "labs/ch06_cuda_fundamentals/autotuning/problem.h"

namespace aisp::labs::ch06::autotuning {

Config model_config(const Shape& shape, const machine::Cpu& cpu) {
  return kernels::gemm::choose_config(shape, {}, kernels::gemm::find_variant("", cpu).tile, cpu, 1);
}

bench::Technique model_blocking() {
  return {.name = "model_blocking",
          .summary = "choose_config: arithmetic on the shape and the caches",
          .plan = [](const bench::Params& p) {
            return plan_with(p, model_config(shape_of(p), machine::cpu()));
          }};
}

}  // namespace aisp::labs::ch06::autotuning
