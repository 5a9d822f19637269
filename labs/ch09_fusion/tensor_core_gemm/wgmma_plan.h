// For *_sm90.cu files: a tile of 128 x kN with a ring of kStages slices, in each of the types.
#pragma once

#include "kernels/cuda/wgmma_gemm.cuh"
#include "labs/ch09_fusion/tensor_core_gemm/problem.h"

namespace aisp::labs::ch09::tensor_core_gemm {

template <class Type, int kN, int kStages>
std::unique_ptr<bench::Plan> plan_as(const bench::Params& p) {
  namespace cuda = kernels::cuda;
  return bench::plan_of([m = p["M"], n = p["N"], k = p["K"]](const bench::Io& io) {
    cuda::launch_wgmma_tiles<Type, kN, kStages, cuda::LayoutB::kColumns>(
        io.in<typename Type::In>(kA).data(), io.in<typename Type::In>(kB).data(),
        io.out<typename Type::Out>(0).data(), m, n, k, io.stream());
  });
}

template <int kN, int kStages>
std::unique_ptr<bench::Plan> plan_wgmma(const bench::Params& params) {
  switch (bench::matmul::narrow(params)) {
    case bench::matmul::Narrow::kTf32:
      return plan_as<kernels::cuda::Tf32Product, kN, kStages>(params);
    case bench::matmul::Narrow::kF16:
      return plan_as<kernels::cuda::F16Product, kN, kStages>(params);
    case bench::matmul::Narrow::kE4M3:
      return plan_as<kernels::cuda::E4m3Product, kN, kStages>(params);
    case bench::matmul::Narrow::kBF16:
      break;  // as f16
  }
  return nullptr;
}

}  // namespace aisp::labs::ch09::tensor_core_gemm
