// The kernels of the operation, listed in every build.
#include "base/check.h"
#include "base/error.h"
#include "kernels/decode_attention_cuda/cuda.h"

namespace aisp::kernels::decode_attention_cuda {

void attend_bf16(const Request& request);
void attend_e4m3(const Request& request);

namespace {

template <CacheType kType>
std::string why_not_with(const Request& request, const machine::CudaDevice& device) {
  if (request.cache.type != kType) return "the cache has another type";
  return why_not(request, device);
}

}  // namespace

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all = {
      {"bf16 cache", why_not_with<CacheType::kBf16>, AISP_DEVICE(attend_bf16)},
      {"e4m3 cache", why_not_with<CacheType::kE4m3>, AISP_DEVICE(attend_e4m3)},
  };
  return all;
}

void attend(const Request& request) {
  const std::string reason = why_not(request, machine::cuda_device());
  if (!reason.empty()) throw Error(reason, "decode attention on the device", "see cuda.h");
  for (const Variant& variant : variants()) {
    if (!variant.why_not(request, machine::cuda_device()).empty()) continue;
    check(variant.attend != nullptr, "a device in a build without CUDA");
    return variant.attend(request);
  }
}

}  // namespace aisp::kernels::decode_attention_cuda
