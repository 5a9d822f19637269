// Online by blocks with 4 lanes of the compiler's vector extension: SSE2, NEON, any machine.
#include <limits>

#include "kernels/simd/vectors.h"
#include "labs/ch09_fusion/online_softmax/problem.h"

namespace aisp::labs::ch09::online_softmax {

namespace portable {
using kernels::simd::portable::V;
#include "labs/ch09_fusion/online_softmax/row_simd.h"
}  // namespace portable

RowKernels portable_kernels() { return {portable::three_pass, portable::online}; }

bench::Technique online_portable() {
  return {.name = "online_portable",
          .summary = "online by blocks, 4 lanes, any machine",
          .plan = [](const bench::Params& params) {
            return plan_rows(params, portable_kernels().online);
          }};
}

}  // namespace aisp::labs::ch09::online_softmax
