// One pass on every core; streaming stores only where the arrays exceed the caches.
#include <memory>

#include "labs/ch09_fusion/fused_l2norm/problem.h"
#include "machine/thread_pool.h"

namespace aisp::labs::ch09::fused_l2norm {
namespace {

// Ranges begin on a cache line: no two workers write to one, and streaming stores stay aligned.
constexpr std::int64_t kGrain = 16;

}  // namespace

bench::Technique one_pass_threads() {
  return {.name = "one_pass_threads",
          .summary = "one pass on every core, streaming stores beyond the caches",
          .threads = 0,
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.cores >= 2 ? "" : "needs 2 cores";
          },
          .plan =
              [](const bench::Params& params) {
                const NormKernel kernel =
                    choose_kernel(machine::cpu(), choose_streaming(params["n"], machine::cpu()));
                return bench::plan_of(
                    [kernel, n = params["n"],
                     pool = std::make_shared<machine::ThreadPool>()](const bench::Io& io) {
                      const float* x = io.in<float>(0).data();
                      const float* y = io.in<float>(1).data();
                      float* out = io.out<float>(0).data();
                      pool->parallel_for(n, kGrain, [=](std::int64_t begin, std::int64_t end) {
                        kernel(x + begin, y + begin, out + begin,
                               static_cast<std::size_t>(end - begin));
                      });
                    });
              }};
}

}  // namespace aisp::labs::ch09::fused_l2norm
