// Adapter to kernels/gemm_cuda: the same two launches by our own product, whose epilogue works on
// sums in registers while the next tile's slices arrive.
#include "bench/device_technique.h"
#include "kernels/gemm_cuda/cuda.h"
#include "labs/ch09_fusion/compute_bound/problem.h"

namespace aisp::labs::ch09::compute_bound {

std::unique_ptr<bench::Plan> plan_fused_in_wgmma(const bench::Params& p) {
  namespace gemm = kernels::gemm_cuda;
  const std::int64_t tokens = p["tokens"], width = p["width"], hidden = p["hidden"];
  auto between = std::make_shared<machine::DeviceArray>(static_cast<std::size_t>(tokens * hidden) *
                                                        sizeof(bf16));
  return bench::plan_of([=](const bench::Io& io) {
    gemm::gemm({.shape = {tokens, hidden, width},
                .a = io.in<bf16>(kX).data(),
                .b = io.in<bf16>(kW1).data(),
                .c = between->as(),
                .bias = io.in<bf16>(kB1).data(),
                .activation = gemm::Activation::kGelu,
                .stream = io.stream()});
    gemm::gemm({.shape = {tokens, width, hidden},
                .a = between->as(),
                .b = io.in<bf16>(kW2).data(),
                .c = io.out<bf16>(0).data(),
                .bias = io.in<bf16>(kB2).data(),
                .stream = io.stream()});
  });
}

}  // namespace aisp::labs::ch09::compute_bound
