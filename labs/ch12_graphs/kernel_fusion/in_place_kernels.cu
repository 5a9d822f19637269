// Three kernels without temporaries, in place on the result (mul_(), sqrt_()): the same bytes
// through the memory pipeline, but fewer arrays for the L2 to hold.
#include "labs/ch12_graphs/kernel_fusion/element_kernel.cuh"

namespace aisp::labs::ch12::kernel_fusion {

std::unique_ptr<bench::Plan> plan_in_place_kernels(const bench::Params& params) {
  return bench::plan_of([n = params["n"]](const bench::Io& io) {
    float* y = io.out<float>(0).data();
    launch<Add>(io.in<float>(0).data(), y, n, io.stream());
    launch<Multiply>(y, y, n, io.stream());
    launch<Root>(y, y, n, io.stream());
  });
}

}  // namespace aisp::labs::ch12::kernel_fusion
