// Five launches a pass: d1 * cost, row sums, d0 * cost, column sums in two steps.
#include "labs/ch10_pipelines/cooperative_persistent/pass_kernels.cuh"

namespace aisp::labs::ch10::cooperative_persistent {

std::unique_ptr<bench::Plan> plan_five_kernels(const bench::Params& params) {
  return bench::plan_of([kernels = Kernels(params)](const bench::Io& io) {
    kernels.enqueue(io.in<float>(0).data(), io.out<float>(0).data(), io.stream());
  });
}

}  // namespace aisp::labs::ch10::cooperative_persistent
