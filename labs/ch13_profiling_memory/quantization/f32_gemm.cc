// The layer as it is trained and mostly run: one f32 matrix product, kernels/gemm.
#include "kernels/gemm/gemm.h"

#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {

bench::Technique f32(const char* name, int threads) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = threads == 1 ? "f32 product, one thread" : "f32 product, every core";
  technique.threads = threads;
  technique.plan = [threads](const bench::Params& p) {
    auto plan = std::make_shared<kernels::gemm::GemmPlan>(
        kernels::gemm::Shape{p["T"], p["N"], p["C"]}, kernels::gemm::Options{.threads = threads});
    return bench::plan_of([plan](const bench::Io& io) {
      plan->run(io.in<float>(kX).data(), io.in<float>(kW).data(), io.out<float>(kY).data());
    });
  };
  return technique;
}

bench::Technique f32_gemm() { return f32("f32_gemm", 1); }

}  // namespace aisp::labs::ch13::quantization
