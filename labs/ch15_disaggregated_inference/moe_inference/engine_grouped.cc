// The engine's own: ExpertRouting groups the rows, Mixture multiplies all experts in one call for
// each of their two products, gate and up fused (model/mixture.h, kernels/linear). The weights are
// packed beforehand, as they are once a model is loaded. One thread.
#include "labs/ch15_disaggregated_inference/moe_inference/problem.h"
#include "model/mixture.h"

namespace aisp::labs::ch15::moe_inference {
namespace {

struct State {
  State(const Shape& s, int threads)
      : shape(s),
        experts{.count = s.experts, .used = s.k, .size = s.f},
        mixture(experts, s.c, model::Activation::kSilu, s.tokens),
        pool(threads),
        workspace(pool) {}
  Shape shape;
  model::Experts experts;
  model::ExpertRouting routing;
  model::Mixture mixture;
  machine::ThreadPool pool;
  kernels::linear::Workspace workspace;
};

}  // namespace

bench::Technique engine(const char* name, const char* summary, int threads) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = summary;
  technique.threads = threads;
  technique.plan = [threads](const bench::Params& params) {
    return bench::plan_of(
        [state = std::make_shared<State>(Shape(params), threads)](const bench::Io& io) {
          const auto bytes = std::as_bytes(io.in<std::uint8_t>(kPacked));
          const auto experts = experts_in(state->shape, bytes);
          state->routing.use(state->experts, io.in<std::int32_t>(kIds), io.in<float>(kGates));
          const auto multiply = [&](const kernels::linear::Input& input,
                                    std::span<const kernels::linear::Product> products) {
            kernels::linear::multiply(state->workspace, input, products);
          };
          state->mixture.run(multiply, state->pool, experts, state->routing,
                             io.in<float>(kX).data(), io.out<float>(kY).data());
        });
  };
  return technique;
}

bench::Technique engine_grouped() {
  return engine("engine_grouped", "the engine's routing and products on packed weights", 1);
}

}  // namespace aisp::labs::ch15::moe_inference
