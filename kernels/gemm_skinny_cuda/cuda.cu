// The skinny product on any card from sm_80: stream.cuh with plain bf16 rows.
//
// Source: see stream.cuh.
#include "kernels/gemm_skinny_cuda/device_run.h"
#include "kernels/gemm_skinny_cuda/stream.cuh"

namespace aisp::kernels::gemm_skinny_cuda {
namespace {

template <int kTokens>
void launch(const Request& request, const Config& config) {
  StreamArguments arguments;
  arguments.weights = request.b;
  arguments.a = reinterpret_cast<const std::uint16_t*>(request.a);
  arguments.out = output_of(request);
  arguments.workspace = workspace_of(request.workspace);
  arguments.k = request.shape.k;
  arguments.split = split_of(request.shape, config);
  launch_stream<Bf16Rows, kTokens / 8, stream_stages(kTokens), stream_warps(kTokens)>(
      arguments, request.constant_weights, request.stream);
}

}  // namespace

void run_stream(const Request& request, const Config& config) {
  // More tokens than the tile has: the weights stream once for each part of them.
  for (std::int64_t at = 0; at < request.shape.m; at += config.tile_tokens) {
    Request part = request;
    const std::int64_t columns = output_columns(request);
    part.shape.m = std::min<std::int64_t>(config.tile_tokens, request.shape.m - at);
    part.a += at * request.shape.k;
    part.c += at * columns;
    if (part.residual != nullptr) part.residual += at * columns;
    switch (config.tile_tokens) {
      case 8:
        launch<8>(part, config);
        break;
      case 16:
        launch<16>(part, config);
        break;
      case 32:
        launch<32>(part, config);
        break;
      default:
        launch<64>(part, config);
    }
  }
}

}  // namespace aisp::kernels::gemm_skinny_cuda
