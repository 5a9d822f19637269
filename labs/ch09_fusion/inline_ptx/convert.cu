// As anybody would write it: shift, mask, convert to float. The conversion runs at 16 lanes a
// cycle, an eighth of a multiply-add's rate (CUDA C++ Programming Guide 13.0, arithmetic
// throughput).
#include "labs/ch09_fusion/inline_ptx/rows.h"

namespace aisp::labs::ch09::inline_ptx {
namespace {

struct Convert {
  static __device__ uint4 load(const uint4* from) { return *from; }
  static __device__ void prepare(float4&) {}
  static __device__ float add(float sum, std::uint32_t bits, const float (&x)[8]) {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int weight = static_cast<int>(bits >> 4 * i & 15u) - 8;
      sum += static_cast<float>(weight) * x[i];
    }
    return sum;
  }
};

}  // namespace

std::unique_ptr<bench::Plan> plan_convert(const bench::Params& params) {
  return plan_rows<Convert>(params);
}

}  // namespace aisp::labs::ch09::inline_ptx
