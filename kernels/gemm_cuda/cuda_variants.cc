// The table of implementations and the choice between them.
#include <array>

#include "base/check.h"
#include "base/error.h"
#include "kernels/gemm_cuda/variants.h"

namespace aisp::kernels::gemm_cuda {
namespace {

bool on_16_bytes(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

std::string wgmma_refuses(const Request& request) {
  const Strides strides = strides_of(request);
  const std::int64_t in = size_bytes(request.input), out = size_bytes(request.output);
  if (!on_16_bytes(request.a) || !on_16_bytes(request.b) || !on_16_bytes(request.c) ||
      !on_16_bytes(request.residual)) {
    return "the copy engine needs 16-byte aligned matrices";
  }
  if (strides.a * in % 16 != 0 || strides.b * in % 16 != 0 || strides.c * out % 16 != 0) {
    return "the copy engine needs rows of a multiple of 16 bytes";
  }
  // The epilogue reads bias and scales in pairs.
  if (request.shape.N % 8 != 0 || reinterpret_cast<std::uintptr_t>(request.bias) % 4 != 0) {
    return "needs a multiple of 8 columns and a 4-byte aligned bias";
  }
  if (request.per_row && reinterpret_cast<std::uintptr_t>(request.scale_b) % 8 != 0) {
    return "needs 8-byte aligned scales of columns";
  }
  if (request.gated && request.output == Output::kF32) return "gate and up go to bf16 or e4m3";
  return "";
}

std::string mma_refuses(const Request&) { return ""; }

void run_wgmma(const Request& request, const Config& config) {
  (request.input == Input::kBF16 ? run_wgmma_bf16 : run_wgmma_e4m3)(request, config);
}

void check_request(const Request& request) {
  const Shape& shape = request.shape;
  const Strides strides = strides_of(request);
  check(shape.M > 0 && shape.N > 0 && shape.K > 0, "gemm_cuda: an empty matrix");
  check(shape.M <= INT32_MAX / 2 && shape.N <= INT32_MAX / 4 && shape.K <= INT32_MAX / 2,
        "gemm_cuda: sizes are 32-bit coordinates");
  check(strides.a >= shape.K && strides.b >= shape.K && strides.c >= shape.N,
        "gemm_cuda: a row stride is smaller than the row");
  check(!request.gated || request.bias == nullptr, "gemm_cuda: no bias for gate and up");
  check(request.residual == nullptr || request.output == Output::kBF16,
        "gemm_cuda: a residual is added to bf16");
  check((request.output_scale != nullptr) == (request.output == Output::kE4M3),
        "gemm_cuda: e4m3 output, and no other, has a scale");
}

}  // namespace

std::span<const Variant> variants() {
  static const std::array<Variant, 2> table = {{
      {"wgmma_tma", [](const machine::CudaDevice& device) { return device.needs_hopper(); },
       wgmma_refuses, AISP_DEVICE(run_wgmma)},
      {"mma_sync", [](const machine::CudaDevice& device) { return device.needs(8, 0); },
       mma_refuses, AISP_DEVICE(run_mma_sync)},
  }};
  return table;
}

void gemm(const Request& request) {
  check_request(request);
  const machine::CudaDevice& device = machine::cuda_device();
  std::string reason;
  for (const Variant& variant : variants()) {
    reason = variant.why_not(device);
    if (!reason.empty() || !variant.refuses(request).empty()) continue;
    return variant.run(request, choose_config(request.shape, request.gated, device));
  }
  throw Error(reason, "gemm_cuda", "run on a GPU of compute capability 8.0 or later");
}

}  // namespace aisp::kernels::gemm_cuda
