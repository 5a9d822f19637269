// Frequencies in double-wide precision, and the size of the grid.
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "kernels/rope_cuda/cuda.h"
#include "kernels/rope_cuda/cuda_shape.h"

namespace aisp::kernels::rope_cuda {

Frequencies frequencies(int rotary_size, double base) {
  check(rotary_size > 0 && rotary_size <= 256 && rotary_size % 2 == 0, "rope: rotary size");
  Frequencies result;
  for (int i = 0; i < rotary_size / 2; ++i) {
    const long double radians =
        std::pow(static_cast<long double>(base), -2.0L * i / static_cast<long double>(rotary_size));
    const long double turns = radians / (2.0L * std::numbers::pi_v<long double>);
    result.turns[static_cast<std::size_t>(i)] =
        static_cast<std::uint64_t>(std::ldexp(turns, 64));  // below 1 / (2 pi): it fits
  }
  return result;
}

std::string why_not(const Request& request, const machine::CudaDevice& device) {
  if (const std::string reason = device.needs(8); !reason.empty()) return reason;
  if (request.head_size != 64 && request.head_size != 128 && request.head_size != 256) {
    return "head size must be 64, 128 or 256";
  }
  if (request.rotary_size < 16 || request.rotary_size % 16 != 0 ||
      request.rotary_size > request.head_size) {
    return "rotary size must be a multiple of 16, at most the head size";
  }
  if (request.tokens * items_of_token(request) > (std::int64_t{1} << 31)) return "too many tokens";
  if (request.q_stride % 8 != 0 || request.k_stride % 8 != 0 || request.v_stride % 8 != 0) {
    return "strides must be multiples of 8 elements";
  }
  if (request.cache.data != nullptr && (request.cache.head_size != request.head_size ||
                                        request.cache.kv_heads != request.kv_heads)) {
    return "the cache has other heads";
  }
  if (request.cache.data != nullptr &&
      request.cache.type != decode_attention_cuda::CacheType::kBf16) {
    return "the cache must be bf16: append() converts";
  }
  return "";
}

Config choose_config(const Request& request) {
  const std::int64_t warps = request.tokens * items_of_token(request);
  return {(warps + kThreads / 32 - 1) / (kThreads / 32)};
}

}  // namespace aisp::kernels::rope_cuda
