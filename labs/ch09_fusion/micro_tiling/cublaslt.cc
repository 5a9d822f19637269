// The vendor's library in f32, without tensor cores.
#include "labs/ch09_fusion/micro_tiling/problem.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch09::micro_tiling {

std::unique_ptr<bench::Plan> plan_cublaslt(const bench::Params& params) {
  auto product =
      std::make_shared<machine::CublasLt>(machine::LtProduct{.m = params["M"],
                                                             .n = params["N"],
                                                             .k = params["K"],
                                                             .type = machine::LtProduct::Type::kF32,
                                                             .b_by_columns = false});
  return bench::plan_of([product](const bench::Io& io) {
    product->run(io.stream(), io.in<float>(0).data(), io.in<float>(1).data(),
                 io.out<float>(0).data());
  });
}

}  // namespace aisp::labs::ch09::micro_tiling
