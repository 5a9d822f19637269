// Two launches: bias and gelu are the first product's epilogue, the bias the second's, applied to
// sums that are still in registers. The hidden values are written once and read once.
#include "labs/ch09_fusion/compute_bound/problem.h"
#include "machine/cuda_raii.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch09::compute_bound {
namespace {

struct Mlp {
  machine::CublasLt up, down;
  machine::DeviceBuffer hidden;

  explicit Mlp(const bench::Params& p)
      : up({.m = p["tokens"],
            .n = p["hidden"],
            .k = p["width"],
            .epilogue = machine::LtProduct::Epilogue::kGeluBias}),
        down({.m = p["tokens"],
              .n = p["width"],
              .k = p["hidden"],
              .epilogue = machine::LtProduct::Epilogue::kBias}),
        hidden(static_cast<std::size_t>(p["tokens"] * p["hidden"]) * sizeof(bf16)) {}
};

}  // namespace

std::unique_ptr<bench::Plan> plan_fused_epilogues(const bench::Params& params) {
  auto mlp = std::make_shared<Mlp>(params);
  return bench::plan_of([mlp](const bench::Io& io) {
    mlp->up.run(io.stream(), io.in<bf16>(kX).data(), io.in<bf16>(kW1).data(), mlp->hidden.as(),
                io.in<bf16>(kB1).data());
    mlp->down.run(io.stream(), mlp->hidden.as(), io.in<bf16>(kW2).data(), io.out<bf16>(0).data(),
                  io.in<bf16>(kB2).data());
  });
}

}  // namespace aisp::labs::ch09::compute_bound
