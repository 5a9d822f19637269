// wgmma_tma for e4m3, with both ways to sum. See tile_sm90.cuh.
#include "kernels/gemm_cuda/launch_sm90.cuh"

namespace aisp::kernels::gemm_cuda {

void run_wgmma_e4m3(const Request& request, const Config& config) {
  if (request.sum == Sum::kInstruction) {
    return launch_any<Input::kE4M3, false>(request, config);
  }
  launch_any<Input::kE4M3, true>(request, config);
}

}  // namespace aisp::kernels::gemm_cuda
