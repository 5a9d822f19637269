// The table of implementations and what is refused.
#include <array>
#include <string>

#include "base/error.h"
#include "kernels/gemv_quantized_cuda/cuda.h"
#include "kernels/gemv_quantized_cuda/device_run.h"

namespace aisp::kernels::gemv_quantized_cuda {
namespace {

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

// "" or what is wrong with a request.
std::string problem(const Request& request) {
  const Shape& shape = request.shape;
  const std::int64_t group = facts(request.format).group;
  const std::int64_t step = group > 0 ? group : 8;
  if (shape.m < 1 || shape.m > 16) return "m is " + std::to_string(shape.m) + ", not 1 to 16";
  if (shape.n < 1) return "n is " + std::to_string(shape.n);
  if (shape.k < 1 || shape.k % step != 0) {
    return "k is " + std::to_string(shape.k) + ", no positive multiple of " + std::to_string(step);
  }
  if (request.activation == Activation::kSwiGlu && shape.n % 16 != 0) {
    return "n is " + std::to_string(shape.n) + ", no multiple of 16, which SwiGLU needs";
  }
  if (request.a == nullptr || request.c == nullptr || request.weights == nullptr ||
      request.workspace == nullptr) {
    return "no a, c, weights or workspace";
  }
  if (!aligned(request.a) || !aligned(request.weights) || !aligned(request.workspace)) {
    return "a, weights or workspace is not 16-byte aligned";
  }
  return "";
}

}  // namespace

std::span<const Variant> variants() {
  static const std::array<Variant, 2> table = {
      Variant{"bulk", kBulkStepK,
              [](const machine::CudaDevice& device) { return device.needs_hopper(); },
              AISP_DEVICE(run_bulk)},
      Variant{"stream", 8, [](const machine::CudaDevice& device) { return device.needs(8); },
              AISP_DEVICE(run_stream)}};
  return table;
}

void run(const Request& request, std::string_view variant) {
  const std::string wrong = problem(request);
  if (!wrong.empty()) {
    throw Error(wrong, "product with quantised weights",
                "see kernels/gemv_quantized_cuda/cuda.h for what it takes");
  }
  const machine::CudaDevice& device = machine::cuda_device();
  std::string why_not = "no such variant: " + std::string(variant);
  for (const Variant& row : variants()) {
    if (!variant.empty() && row.name != variant) continue;
    why_not = row.run == nullptr ? "built without CUDA" : row.why_not(device);
    if (why_not.empty() && request.shape.k % row.step_k != 0) {
      why_not =
          std::string(row.name) + " needs k to be a multiple of " + std::to_string(row.step_k);
    }
    if (!why_not.empty()) continue;
    row.run(request, choose_config(request.shape, request.format, device, row.name));
    return;
  }
  throw Error(why_not, "product with quantised weights",
              "choose another variant, or none for the first that can");
}

}  // namespace aisp::kernels::gemv_quantized_cuda
