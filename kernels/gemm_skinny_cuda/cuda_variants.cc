// The table of implementations, the choice, and what is refused.
#include <array>
#include <string>

#include "base/error.h"
#include "kernels/gemm_skinny_cuda/cuda.h"
#include "kernels/gemm_skinny_cuda/device_run.h"

namespace aisp::kernels::gemm_skinny_cuda {
namespace {

bool aligned(const void* pointer, std::uintptr_t to) {
  return reinterpret_cast<std::uintptr_t>(pointer) % to == 0;
}

// "" or what is wrong with a request.
std::string problem(const Request& request) {
  const Shape& shape = request.shape;
  if (shape.m < 1 || shape.m > 128) return "m is " + std::to_string(shape.m) + ", not 1 to 128";
  if (shape.n < 1) return "n is " + std::to_string(shape.n);
  if (shape.k < 8 || shape.k % 8 != 0) {
    return "k is " + std::to_string(shape.k) + ", no positive multiple of 8";
  }
  if (request.activation == Activation::kSwiGlu && shape.n % 16 != 0) {
    return "n is " + std::to_string(shape.n) + ", no multiple of 16, which SwiGLU needs";
  }
  if (request.a == nullptr || request.b == nullptr || request.c == nullptr) return "no a, b or c";
  if (!aligned(request.a, 16) || !aligned(request.b, 16)) return "a or b is not 16-byte aligned";
  if (request.workspace == nullptr || !aligned(request.workspace, 16)) {
    return "no workspace, or one that is not 16-byte aligned";
  }
  return "";
}

}  // namespace

std::span<const Variant> variants() {
  static const std::array<Variant, 2> table = {
      Variant{"wgmma", [](const machine::CudaDevice& device) { return device.needs_hopper(); },
              AISP_DEVICE(run_wgmma)},
      Variant{"stream", [](const machine::CudaDevice& device) { return device.needs(8); },
              AISP_DEVICE(run_stream)}};
  return table;
}

void run(const Request& request, std::string_view variant) {
  const std::string wrong = problem(request);
  if (!wrong.empty()) {
    throw Error(wrong, "skinny product", "see kernels/gemm_skinny_cuda/cuda.h for what it takes");
  }
  const machine::CudaDevice& device = machine::cuda_device();
  std::string why_not = "no such variant: " + std::string(variant);
  for (const Variant& row : variants()) {
    if (!variant.empty() && row.name != variant) continue;
    why_not = row.run == nullptr ? "built without CUDA" : row.why_not(device);
    if (!why_not.empty()) continue;
    row.run(request, choose_config(request.shape, device, row.name));
    return;
  }
  throw Error(why_not, "skinny product", "choose another variant, or none for the first that can");
}

}  // namespace aisp::kernels::gemm_skinny_cuda
