// Activations quantised token by token, an exact 8-bit product, and its sums scaled to f32 tile by
// tile while they are in L1. Weights come quantised but in row-major order: bringing them into the
// order of the product is part of the call.
#include "kernels/gemm_int8/gemm_int8.h"

#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {
namespace {

namespace gi = kernels::gemm_int8;

struct State {
  explicit State(const bench::Params& p, int threads)
      : activations(p),
        pool(threads == 1 ? nullptr : std::make_unique<machine::ThreadPool>(threads)),
        plan(gi::Shape{p["T"], p["N"], p["C"]},
             {.a_type = gi::AType::kS8, .threads = threads, .pool = pool.get()}) {}
  Activations activations;
  std::unique_ptr<machine::ThreadPool> pool;
  gi::GemmPlan plan;
};

}  // namespace

bench::Technique scaled_tiles(const char* name, int threads) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = threads == 1 ? "8-bit product, scaled tile by tile, one thread"
                                   : "8-bit product, scaled tile by tile, every core";
  technique.threads = threads;
  technique.plan = [threads](const bench::Params& p) {
    auto state = std::make_shared<State>(p, threads);
    return bench::plan_of([state, p](const bench::Io& io) {
      Activations& x = state->activations;
      x.quantize(p, io.in<float>(kX).data(), state->pool.get());
      state->plan.run_scaled({.a_s8 = x.q.data(), .b = io.in<std::int8_t>(kQuantizedW).data()},
                             {.rows = x.scales.data(), .columns = io.in<float>(kScales).data()},
                             io.out<float>(kY).data());
    });
  };
  return technique;
}

bench::Technique int8_scaled_tiles() { return scaled_tiles("int8_scaled_tiles", 1); }

}  // namespace aisp::labs::ch13::quantization
