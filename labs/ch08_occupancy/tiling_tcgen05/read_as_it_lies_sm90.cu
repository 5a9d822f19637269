// The descriptor of B says that its rows run along N; the tensor cores read it so. For 16-bit types
// only: tf32 and fp8 have no such form.
#include "kernels/cuda/wgmma_gemm.cuh"
#include "labs/ch08_occupancy/tiling_tcgen05/problem.h"

namespace aisp::labs::ch08::tiling_tcgen05 {

std::unique_ptr<bench::Plan> plan_read_as_it_lies(const bench::Params& params) {
  namespace cuda = kernels::cuda;
  return bench::plan_of([m = params["M"], n = params["N"], k = params["K"]](const bench::Io& io) {
    cuda::launch_wgmma_tiles<cuda::F16Product, 128, 4, cuda::LayoutB::kRows>(
        io.in<f16>(kA).data(), io.in<f16>(kB).data(), io.out<f16>(0).data(), m, n, k, io.stream());
  });
}

}  // namespace aisp::labs::ch08::tiling_tcgen05
