// wgmma_tma for bf16. See tile_sm90.cuh.
#include "kernels/gemm_cuda/launch_sm90.cuh"

namespace aisp::kernels::gemm_cuda {

void run_wgmma_bf16(const Request& request, const Config& config) {
  launch_any<Input::kBF16, false>(request, config);
}

}  // namespace aisp::kernels::gemm_cuda
