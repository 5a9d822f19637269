// B was stored [N,K] when the weights were loaded: nothing is left to do.
#include "kernels/cuda/wgmma_gemm.cuh"
#include "labs/ch08_occupancy/tiling_tcgen05/problem.h"

namespace aisp::labs::ch08::tiling_tcgen05 {

std::unique_ptr<bench::Plan> plan_pre_laid_out(const bench::Params& params) {
  namespace cuda = kernels::cuda;
  return bench::plan_of([m = params["M"], n = params["N"], k = params["K"]](const bench::Io& io) {
    cuda::launch_wgmma_tiles<cuda::F16Product, 128, 4, cuda::LayoutB::kColumns>(
        io.in<f16>(kA).data(), io.in<f16>(kBTransposed).data(), io.out<f16>(0).data(), m, n, k,
        io.stream());
  });
}

}  // namespace aisp::labs::ch08::tiling_tcgen05
