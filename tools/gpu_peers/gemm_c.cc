// kernels/gemm_cuda for gemm.py. See c_call.h.
#include "kernels/gemm_cuda/cuda.h"
#include "tools/gpu_peers/c_call.h"

using namespace aisp;
using namespace aisp::kernels::gemm_cuda;

/// Dense. Numbers of enumerators; null pointers for what is not wanted. tile_n 0: gemm() chooses.
extern "C" int aisp_gemm(std::int64_t M, std::int64_t N, std::int64_t K, const void* a,
                         const void* b, void* c, std::int64_t input, std::int64_t output,
                         const void* scale_a, const void* scale_b, std::int64_t per_row,
                         const void* bias, std::int64_t activation, std::int64_t gated,
                         const void* residual, const void* output_scale, std::int64_t sum,
                         std::int64_t tile_n, std::int64_t cluster, std::int64_t group,
                         void* stream) {
  return gpu_peers::c_call([&] {
    const Request request{.shape = {M, N, K},
                          .input = static_cast<Input>(input),
                          .output = static_cast<Output>(output),
                          .a = a,
                          .b = b,
                          .c = c,
                          .scale_a = static_cast<const float*>(scale_a),
                          .scale_b = static_cast<const float*>(scale_b),
                          .per_row = per_row != 0,
                          .bias = static_cast<const bf16*>(bias),
                          .activation = static_cast<Activation>(activation),
                          .gated = gated != 0,
                          .residual = static_cast<const bf16*>(residual),
                          .output_scale = static_cast<const float*>(output_scale),
                          .sum = static_cast<Sum>(sum),
                          .stream = gpu_peers::stream_of(stream)};
    if (tile_n == 0) return gemm(request);
    variants()[0].run(
        request, {static_cast<int>(tile_n), static_cast<int>(cluster), static_cast<int>(group)});
  });
}
