// The implementations behind variants(), each in its .cu file.
#pragma once

#include "kernels/gemm_cuda/cuda.h"

namespace aisp::kernels::gemm_cuda {

void run_wgmma_bf16(const Request& request, const Config& config);
void run_wgmma_e4m3(const Request& request, const Config& config);
void run_mma_sync(const Request& request, const Config& config);

/// Request's strides with 0 replaced.
struct Strides {
  std::int64_t a = 0, b = 0, c = 0;
};
inline Strides strides_of(const Request& request) {
  const Shape& shape = request.shape;
  return {request.a_stride != 0 ? request.a_stride : shape.K,
          request.b_stride != 0 ? request.b_stride : shape.K,
          request.c_stride != 0 ? request.c_stride : shape.N};
}
inline std::int64_t size_bytes(Input input) { return input == Input::kBF16 ? 2 : 1; }
inline std::int64_t size_bytes(Output output) {
  return output == Output::kF32 ? 4 : output == Output::kBF16 ? 2 : 1;
}

}  // namespace aisp::kernels::gemm_cuda
