// Adapter to kernels/gemm_cuda: persistent blocks with a producer, tiles of 128 x 256 that leave
// through shared memory, clusters of two that share B. What a model would call.
#include "bench/device_technique.h"
#include "kernels/gemm_cuda/cuda.h"
#include "labs/ch10_pipelines/warp_specialized/problem.h"

namespace aisp::labs::ch10::warp_specialized {

std::unique_ptr<bench::Plan> plan_persistent_wide(const bench::Params& params) {
  return bench::plan_of([m = params["M"], n = params["N"], k = params["K"]](const bench::Io& io) {
    kernels::gemm_cuda::gemm({.shape = {m, n, k},
                              .a = io.in<bf16>(0).data(),
                              .b = io.in<bf16>(1).data(),
                              .c = io.out<bf16>(0).data(),
                              .stream = io.stream()});
  });
}

}  // namespace aisp::labs::ch10::warp_specialized
