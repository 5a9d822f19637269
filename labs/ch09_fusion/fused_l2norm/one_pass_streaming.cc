// One pass whose stores bypass the caches at every size. A plain store first reads the line that it
// overwrites; beyond the caches that is a quarter of the traffic (16 bytes an element, 12 without).
// Within the caches it is a loss: the result is written to memory although nobody asked for that.
#include "labs/ch09_fusion/fused_l2norm/problem.h"

namespace aisp::labs::ch09::fused_l2norm {

bench::Technique one_pass_streaming() {
  return {.name = "one_pass_streaming",
          .summary = "one pass, the widest SIMD, non-temporal stores",
          .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
            return cpu.avx2 ? "" : "needs AVX2";
          },
          .plan =
              [](const bench::Params&) {
                return bench::plan_of(
                    [kernel = choose_kernel(machine::cpu(), true)](const bench::Io& io) {
                      const auto x = io.in<float>(0);
                      kernel(x.data(), io.in<float>(1).data(), io.out<float>(0).data(), x.size());
                    });
              }};
}

}  // namespace aisp::labs::ch09::fused_l2norm
