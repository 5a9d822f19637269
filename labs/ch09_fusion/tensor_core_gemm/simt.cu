// Without tensor cores: f32 multiply-adds on 8 x 8 sums a thread, inputs widened on the way to
// shared memory. What CUTLASS calls SIMT, and what a kernel is that was written for a GPU of 2016.
#include "kernels/cuda/simt_gemm.cuh"
#include "labs/ch09_fusion/tensor_core_gemm/problem.h"

namespace aisp::labs::ch09::tensor_core_gemm {
namespace {

template <class In, class Out>
std::unique_ptr<bench::Plan> plan_as(const bench::Params& p) {
  return bench::plan_of([m = p["M"], n = p["N"], k = p["K"]](const bench::Io& io) {
    kernels::cuda::launch_simt_tiles<false>(io.in<In>(kA).data(), io.in<In>(kB).data(),
                                            io.out<Out>(0).data(), m, n, k, io.stream());
  });
}

}  // namespace

std::unique_ptr<bench::Plan> plan_simt(const bench::Params& params) {
  switch (bench::matmul::narrow(params)) {
    case bench::matmul::Narrow::kTf32:
      return plan_as<float, float>(params);
    case bench::matmul::Narrow::kF16:
      return plan_as<f16, f16>(params);
    case bench::matmul::Narrow::kE4M3:
      return plan_as<std::uint8_t, bf16>(params);
    case bench::matmul::Narrow::kBF16:
      break;  // as f16
  }
  return nullptr;
}

}  // namespace aisp::labs::ch09::tensor_core_gemm
