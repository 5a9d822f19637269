// The engine: rows of X rounded to 8 bits in groups of 32, and the packed weights multiplied as
// integers.
#include "labs/ch16_production_inference/weight_quantization/problem.h"

namespace aisp::labs::ch16::weight_quantization {
namespace {

namespace linear = kernels::linear;

struct State {
  explicit State(int threads) : pool(threads), workspace(pool) {}
  machine::ThreadPool pool;
  linear::Workspace workspace;
};

}  // namespace

bench::Technique engine(const char* name, const char* summary, Input weights, int threads) {
  return {.name = name,
          .summary = summary,
          .threads = threads,
          .plan = [weights, threads](const bench::Params& params) {
            const Shape s(params);
            auto state = std::make_shared<State>(threads);
            return bench::plan_of([state, s, weights](const bench::Io& io) {
              const bool wide = weights == kWide;
              const linear::Matrix w = {
                  .type = wide ? linear::Type::kF32 : s.type,
                  .n = s.N,
                  .k = s.K,
                  .data = wide ? std::as_bytes(io.in<float>(kWide)).data()
                               : std::as_bytes(io.in<std::uint8_t>(kPacked)).data()};
              const linear::Product product{.w = &w, .y = io.out<float>(kY).data()};
              linear::multiply(state->workspace,
                               {.x = io.in<float>(kX).data(), .rows = s.M, .k = s.K},
                               {&product, 1});
            });
          }};
}

bench::Technique packed_integers() {
  return engine("packed_integers", "the engine: packed weights, products of 8-bit integers",
                kPacked, 1);
}

}  // namespace aisp::labs::ch16::weight_quantization
