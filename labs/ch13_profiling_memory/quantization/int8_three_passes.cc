// The same arithmetic in three calls, as libraries offer it: quantise the activations, an 8-bit
// product into 32-bit sums in memory, then a pass that scales them. The same result, bit for bit,
// as int8_scaled_tiles: the difference is the trip of the sums through memory.
#include "kernels/gemm_int8/gemm_int8.h"

#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {
namespace {

namespace gi = kernels::gemm_int8;

struct State {
  explicit State(const bench::Params& p)
      : activations(p),
        sums(static_cast<std::size_t>(p["T"] * p["N"])),
        plan(gi::Shape{p["T"], p["N"], p["C"]}, {.a_type = gi::AType::kS8}) {}
  Activations activations;
  std::vector<std::int32_t> sums;  // [T, N]
  gi::GemmPlan plan;
};

}  // namespace

bench::Technique int8_three_passes() {
  return {.name = "int8_three_passes",
          .summary = "quantise, 8-bit product to memory, scale; one thread",
          .plan = [](const bench::Params& p) {
            auto state = std::make_shared<State>(p);
            return bench::plan_of([state, p](const bench::Io& io) {
              Activations& x = state->activations;
              x.quantize(p, io.in<float>(kX).data(), nullptr);
              state->plan.run({.a_s8 = x.q.data(), .b = io.in<std::int8_t>(kQuantizedW).data()},
                              state->sums.data());
              scale_sums(p, state->sums.data(), x.scales.data(), io.in<float>(kScales).data(),
                         io.out<float>(kY).data());
            });
          }};
}

}  // namespace aisp::labs::ch13::quantization
