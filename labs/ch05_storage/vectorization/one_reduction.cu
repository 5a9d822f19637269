// One reduction, a float a load: the whole card adds.
// Source: M. Harris, "Optimizing Parallel Reduction in CUDA", NVIDIA 2007.
#include "labs/ch05_storage/vectorization/reduction.cuh"

namespace aisp::labs::ch05::vectorization {

std::unique_ptr<bench::Plan> plan_one_reduction(const bench::Params& params) {
  return plan_reduction<1, 1>(params);
}

}  // namespace aisp::labs::ch05::vectorization
