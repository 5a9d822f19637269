// Online by blocks, 16 lanes, a polynomial exponential.
#include <limits>

#include "kernels/simd/vectors.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace avx512 {
using kernels::simd::avx512::V;
#include "labs/ch09_fusion/online_softmax/row_simd.h"
}  // namespace avx512
AISP_TARGET_END

RowKernels avx512_kernels() { return {avx512::three_pass, avx512::online}; }
#else
RowKernels avx512_kernels() { return portable_kernels(); }
#endif

bench::Technique online_avx512() {
  return {
      .name = "online_avx512",
      .summary = "online by blocks, 16 lanes",
      .needs = [](const machine::Cpu& cpu) -> bench::WhyNot {
        return cpu.avx512 ? "" : "needs AVX-512";
      },
      .plan =
          [](const bench::Params& params) { return plan_rows(params, avx512_kernels().online); }};
}

}  // namespace aisp::labs::ch09::online_softmax
