// The vendor's library, found at run time.
#include "bench/device_technique.h"
#include "labs/ch09_fusion/tensor_core_gemm/problem.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch09::tensor_core_gemm {

std::unique_ptr<bench::Plan> plan_cublaslt(const bench::Params& params) {
  using Type = machine::LtProduct::Type;
  const auto narrow = bench::matmul::narrow(params);
  machine::LtProduct what{.m = params["M"], .n = params["N"], .k = params["K"]};
  what.type = narrow == bench::matmul::Narrow::kTf32  ? Type::kTf32
              : narrow == bench::matmul::Narrow::kF16 ? Type::kF16
                                                      : Type::kE4M3;
  auto product = std::make_shared<machine::CublasLt>(what);
  return bench::plan_of([product, narrow](const bench::Io& io) {
    switch (narrow) {
      case bench::matmul::Narrow::kTf32:
        return product->run(io.stream(), io.in<float>(kA).data(), io.in<float>(kB).data(),
                            io.out<float>(0).data());
      case bench::matmul::Narrow::kF16:
        return product->run(io.stream(), io.in<f16>(kA).data(), io.in<f16>(kB).data(),
                            io.out<f16>(0).data());
      case bench::matmul::Narrow::kE4M3:
        return product->run(io.stream(), io.in<std::uint8_t>(kA).data(),
                            io.in<std::uint8_t>(kB).data(), io.out<bf16>(0).data());
      case bench::matmul::Narrow::kBF16:
        break;  // as f16
    }
  });
}

}  // namespace aisp::labs::ch09::tensor_core_gemm
