// The weights are quantised in each call as well, from f32: what a conversion at the wrong place
// costs. Two passes over W (largest magnitude of each column, then rounding) before the product.
#include <algorithm>
#include <bit>

#include "kernels/gemm_int8/gemm_int8.h"
#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {
namespace {

namespace gi = kernels::gemm_int8;

struct State {
  explicit State(const bench::Params& p)
      : activations(p),
        weights(static_cast<std::size_t>(p["C"] * p["N"])),
        largest(static_cast<std::size_t>(p["N"])),
        inverse(largest.size()),
        scales(largest.size()),
        plan(gi::Shape{p["T"], p["N"], p["C"]}, {.a_type = gi::AType::kS8}) {}
  Activations activations;
  std::vector<std::int8_t> weights;   // [C, N]
  std::vector<std::int32_t> largest;  // [N] bits of the largest magnitude: ordered as the floats
  std::vector<float> inverse, scales;
  gi::GemmPlan plan;
};

/// Along the rows, so that memory is read in order and the loops become vectors.
void quantize_columns(std::size_t rows, std::size_t n, const float* w, State& state) {
  std::fill(state.largest.begin(), state.largest.end(), 0);
  std::int32_t* __restrict largest = state.largest.data();
  for (std::size_t r = 0; r < rows; ++r) {
    const float* from = w + r * n;
    for (std::size_t j = 0; j < n; ++j) {
      const std::int32_t magnitude = std::bit_cast<std::int32_t>(from[j]) & 0x7fffffff;
      largest[j] = magnitude > largest[j] ? magnitude : largest[j];
    }
  }
  for (std::size_t j = 0; j < n; ++j) {
    const auto most = std::bit_cast<float>(largest[j]);
    state.scales[j] = most / 127.0f;
    state.inverse[j] = most > 0.0f ? 127.0f / most : 0.0f;
  }
  const float* __restrict inverse = state.inverse.data();
  for (std::size_t r = 0; r < rows; ++r) {
    const float* from = w + r * n;
    std::int8_t* __restrict to = state.weights.data() + r * n;
    // 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    for (std::size_t j = 0; j < n; ++j) {
      to[j] = static_cast<std::int8_t>(
          std::bit_cast<std::uint32_t>(from[j] * inverse[j] + 12582912.0f));
    }
  }
}

}  // namespace

bench::Technique int8_weights_too() {
  return {.name = "int8_weights_too",
          .summary = "weights quantised in the call as well, one thread",
          .plan = [](const bench::Params& p) {
            auto state = std::make_shared<State>(p);
            return bench::plan_of([state, p](const bench::Io& io) {
              quantize_columns(static_cast<std::size_t>(p["C"]), static_cast<std::size_t>(p["N"]),
                               io.in<float>(kW).data(), *state);
              Activations& x = state->activations;
              x.quantize(p, io.in<float>(kX).data(), nullptr);
              state->plan.run_scaled({.a_s8 = x.q.data(), .b = state->weights.data()},
                                     {.rows = x.scales.data(), .columns = state->scales.data()},
                                     io.out<float>(kY).data());
            });
          }};
}

}  // namespace aisp::labs::ch13::quantization
