// The widest variant of kernels/attention on every core, tasks from a shared counter.
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

bench::Technique tiled_simd_threads() {
  bench::Technique technique =
      kernel_variant("tiled_simd_threads",
                     "the widest tiled kernel on every core, tasks from a shared counter", "", 0);
  technique.needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
    return cpu.cores >= 2 ? "" : "needs 2 cores";
  };
  return technique;
}

}  // namespace aisp::labs::ch10::flash_attention
