// The bf16 products of decoding as C functions, for skinny.py.
//
// Source: kernels/gemm_skinny_cuda/cuda.h.
#include <cstdint>

#include "kernels/gemm_skinny_cuda/cuda.h"
#include "tools/gpu_peers/c_call.h"

using aisp::bf16;
namespace gpu_peers = aisp::gpu_peers;
namespace skinny = aisp::kernels::gemm_skinny_cuda;

extern "C" int aisp_skinny_workspace(std::int64_t* bytes, std::int64_t m) {
  return gpu_peers::c_call([&] {
    *bytes = static_cast<std::int64_t>(skinny::workspace_bytes(m, aisp::machine::cuda_device()));
  });
}

/// c = a b^T (+ bias), SwiGLU of it if gated, + residual; null for what there is not.
extern "C" int aisp_skinny(const void* a, const void* b, void* c, const void* bias,
                           const void* residual, void* workspace, std::int64_t m, std::int64_t n,
                           std::int64_t k, std::int64_t gated, std::int64_t constant_weights,
                           void* stream) {
  return gpu_peers::c_call([&] {
    skinny::run({.shape = {m, n, k},
                 .a = static_cast<const bf16*>(a),
                 .b = static_cast<const bf16*>(b),
                 .c = static_cast<bf16*>(c),
                 .bias = static_cast<const bf16*>(bias),
                 .residual = static_cast<const bf16*>(residual),
                 .activation = gated != 0 ? skinny::Activation::kSwiGlu : skinny::Activation::kNone,
                 .workspace = workspace,
                 .constant_weights = constant_weights != 0,
                 .stream = gpu_peers::stream_of(stream)});
  });
}
