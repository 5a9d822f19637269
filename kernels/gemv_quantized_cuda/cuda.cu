// Products with packed weights on any card from sm_80: ../gemm_skinny_cuda/stream.cuh with the
// formats of formats.cuh.
//
// Source: see formats.cuh.
#include "kernels/gemv_quantized_cuda/formats.cuh"

namespace aisp::kernels::gemv_quantized_cuda {
namespace {

template <class Weights, int kTokenTiles>
void launch(const Request& request, const Config& config) {
  constexpr int kBits = Weights::kBits;
  gemm_skinny_cuda::launch_stream<Weights, kTokenTiles, stream_stages(kBits, 8 * kTokenTiles),
                                  stream_warps(kBits, 8 * kTokenTiles)>(
      arguments_of<Weights>(request, config), request.constant_weights, request.stream);
}

}  // namespace

void run_stream(const Request& request, const Config& config) {
  with_format(request.format, [&]<class Weights>(Weights) {
    if (config.token_tiles == 1) {
      launch<Weights, 1>(request, config);
    } else {
      launch<Weights, 2>(request, config);
    }
  });
}

}  // namespace aisp::kernels::gemv_quantized_cuda
