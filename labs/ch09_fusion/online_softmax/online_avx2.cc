// Online by blocks, 8 lanes, a polynomial exponential.
#include <limits>

#include "kernels/simd/vectors.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
using kernels::simd::avx2::V;
#include "labs/ch09_fusion/online_softmax/row_simd.h"
}  // namespace avx2
AISP_TARGET_END

RowKernels avx2_kernels() { return {avx2::three_pass, avx2::online}; }
#else
RowKernels avx2_kernels() { return portable_kernels(); }
#endif

bench::Technique online_avx2() {
  return {
      .name = "online_avx2",
      .summary = "online by blocks, 8 lanes",
      .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
        return cpu.avx2 ? "" : "needs AVX2";
      },
      .plan = [](const bench::Params& params) { return plan_rows(params, avx2_kernels().online); }};
}

}  // namespace aisp::labs::ch09::online_softmax
