// The whole matrix is widened to f32 in memory, then multiplied: what a framework without a kernel
// for the type does (`dequantize(w)` before `linear`).
#include "labs/ch16_production_inference/weight_quantization/problem.h"

namespace aisp::labs::ch16::weight_quantization {
namespace {

struct State {
  State(const Shape& s, std::int64_t columns)
      : wide(static_cast<std::size_t>(columns * s.K)), product(s, columns) {}
  std::vector<float> wide;  // [columns][K]
  WideProduct product;
};

}  // namespace

bench::Technique dequantized(const char* name, const char* summary, std::int64_t columns) {
  return {.name = name, .summary = summary, .plan = [columns](const bench::Params& params) {
            const Shape s(params);
            const std::int64_t together = columns == 0 ? s.N : std::min(columns, s.N);
            auto state = std::make_shared<State>(s, together);
            return bench::plan_of([state, s, together](const bench::Io& io) {
              const std::uint8_t* stored = io.in<std::uint8_t>(kStored).data();
              state->product.begin(io.in<float>(kX).data());
              for (std::int64_t first = 0; first < s.N; first += together) {
                const std::int64_t count = std::min(together, s.N - first);
                for (std::int64_t j = 0; j < count; ++j) {
                  dequantize_row(s, stored + (first + j) * s.row_bytes(),
                                 state->wide.data() + j * s.K);
                }
                state->product.multiply(state->wide.data(), first, count, io.out<float>(kY).data());
              }
            });
          }};
}

bench::Technique dequantize_matrix() {
  return dequantized("dequantize_matrix", "all of W to f32 in memory, then an f32 product", 0);
}

}  // namespace aisp::labs::ch16::weight_quantization
