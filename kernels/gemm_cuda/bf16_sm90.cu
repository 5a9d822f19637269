// wgmma_tma for bf16. See tile_sm90.cuh.
#include "kernels/gemm_cuda/launch_sm90.cuh"

namespace aisp::kernels::gemm_cuda {

void run_wgmma_bf16(const Request& request, const Config& config) {
  if (config.cluster == 1) {
    return launch<Tile<Input::kBF16, Output::kBF16, 256, 1, false, false>>(request, config);
  }
  launch_any<Input::kBF16, false>(request, config);
}

}  // namespace aisp::kernels::gemm_cuda
