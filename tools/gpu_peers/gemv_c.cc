// The products with quantised weights as C functions, for gemv.py.
//
// Source: kernels/gemv_quantized_cuda/cuda.h.
#include <algorithm>
#include <cstdint>

#include "kernels/gemv_quantized_cuda/cuda.h"
#include "tools/gpu_peers/c_call.h"

using aisp::bf16;
namespace gpu_peers = aisp::gpu_peers;
namespace gemv = aisp::kernels::gemv_quantized_cuda;

namespace {
gemv::Format format_of(std::int64_t format) { return static_cast<gemv::Format>(format); }
}  // namespace

extern "C" int aisp_gemv_workspace(std::int64_t* bytes) {
  return gpu_peers::c_call([&] {
    *bytes = static_cast<std::int64_t>(gemv::workspace_bytes(aisp::machine::cuda_device()));
  });
}
extern "C" int aisp_gemv_packed_bytes(std::int64_t* bytes, std::int64_t format, std::int64_t n,
                                      std::int64_t k) {
  return gpu_peers::c_call([&] { *bytes = gemv::packed_bytes(format_of(format), n, k); });
}

/// Host memory; zeros may be null. `packed` has aisp_gemv_packed_bytes().
extern "C" int aisp_gemv_pack(void* packed, const void* q, const void* scales, const void* zeros,
                              std::int64_t format, std::int64_t n, std::int64_t k) {
  return gpu_peers::c_call([&] {
    const gemv::FormatFacts is = gemv::facts(format_of(format));
    const auto groups = static_cast<std::size_t>(n * (is.group > 0 ? k / is.group : 1));
    gemv::Plain plain{.n = n, .k = k};
    plain.q = {static_cast<const std::uint8_t*>(q), static_cast<std::size_t>(n * k * is.bits / 8)};
    plain.scales = {static_cast<const float*>(scales), groups};
    if (is.zeros) plain.zeros = {static_cast<const std::uint8_t*>(zeros), groups};
    const auto bytes = gemv::pack(format_of(format), plain);
    std::copy(bytes.begin(), bytes.end(), static_cast<std::uint8_t*>(packed));
  });
}

extern "C" int aisp_gemv(const void* a, const void* weights, void* c, void* workspace,
                         std::int64_t format, std::int64_t m, std::int64_t n, std::int64_t k,
                         std::int64_t constant_weights, void* stream) {
  return gpu_peers::c_call([&] {
    gemv::run({.shape = {m, n, k},
               .format = format_of(format),
               .a = static_cast<const bf16*>(a),
               .weights = weights,
               .c = static_cast<bf16*>(c),
               .workspace = workspace,
               .constant_weights = constant_weights != 0,
               .stream = gpu_peers::stream_of(stream)});
  });
}
